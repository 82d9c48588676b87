import type { TargetLine } from '../../contracts/purge/index.js';
import { checkTarget } from '../../contracts/purge/target-line.js';
import { usageError } from '../errors.js';
import { plural } from '../format.js';
import { NOT_UTF8, linesOf } from '../lines.js';
import type { Terminal } from '../terminal.js';

/** What a person named, and where. */
export interface Named {
  /** S3 URIs of objects, as arguments. */
  readonly uris: readonly string[];
  /** S3 URIs of prefixes. */
  readonly prefix?: readonly string[] | undefined;
  /** A file of them, one a line; `-` for standard input. */
  readonly from?: string | undefined;
  /** A file of values, one a line. */
  readonly valueFile?: string | undefined;
}

/** How many faults are told, of a file that may have millions. */
const FAULTS_TOLD = 20;
/** No row can be told by such a value. */
const BLANK = /^[ \t\r\f]*$/;
const URI = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.*)$/s;

/** Faults of the input, by place. They name lines by number and never what stands there: it may be personal. */
export class Faults {
  private readonly told: string[] = [];
  private more = 0;

  add(place: string, what: string): void {
    if (this.told.length < FAULTS_TOLD) this.told.push(`${place} ${what}`);
    else this.more += 1;
  }

  /** Throws all faults as one error, if there are any. */
  check(): void {
    if (this.told.length === 0) return;
    const more = this.more > 0 ? [`and ${plural(this.more, 'fault')} more`] : [];
    throw usageError([...this.told, ...more, 'nothing was started'].join('\n'));
  }
}

/** Everything named, as lines of a list of targets. Faults are put down, and their lines left out. */
export async function* targetLines(named: Named, terminal: Terminal, faults: Faults): AsyncGenerator<TargetLine> {
  const { uris, prefix: prefixes = [], from, valueFile } = named;
  for (const [place, line] of [
    ...uris.map((uri, index) => [`target ${index + 1}`, fromUri(uri, 'key')] as const),
    ...prefixes.map((uri, index) => [`--prefix ${index + 1}`, fromUri(uri, 'prefix')] as const),
  ]) {
    if (typeof line === 'string') faults.add(place, line);
    else yield line;
  }
  if (from !== undefined) {
    yield* parsed(from, terminal, faults, (text) => (text.startsWith('{') ? fromJson(text) : fromUri(text, 'key')));
  }
  if (valueFile !== undefined)
    yield* parsed(valueFile, terminal, faults, (text) => (BLANK.test(text) ? undefined : checkTarget({ value: text })));
}

/** A URI's key is taken literally: `%20` and `+` are what they are. */
function fromUri(uri: string, as: 'key' | 'prefix'): TargetLine | string {
  const [, bucket, name] = URI.exec(uri) ?? [];
  if (bucket === undefined || name === undefined) return `is no S3 URI: s3://bucket/${as}`;
  return checkTarget({ bucket, [as]: name });
}

function fromJson(text: string): TargetLine | string {
  try {
    const target = checkTarget(JSON.parse(text));
    // Of a value among the targets nobody can say which column it is looked for in.
    return typeof target === 'object' && 'value' in target ? 'is a value: values go into --value-file' : target;
  } catch {
    return 'is not JSON';
  }
}

/** The targets of a file's lines; of a blank one there is none. */
async function* parsed(
  file: string,
  terminal: Terminal,
  faults: Faults,
  parse: (text: string) => TargetLine | string | undefined,
): AsyncGenerator<TargetLine> {
  const where = file === '-' ? 'standard input' : file;
  let named = false;
  for await (const { number, text } of linesOf(file, terminal)) {
    if (text === '') continue;
    const target = text === undefined ? NOT_UTF8 : parse(text);
    if (target === undefined) continue;
    named = true;
    if (typeof target === 'string') faults.add(`${where}, line ${number}:`, target);
    else yield target;
  }
  if (!named) faults.add(where, 'is empty, or has nothing but blank lines: it must name something');
}
