import { heartbeat } from '@temporalio/activity';
import { isPurgedKey, purgedKey } from '../../contracts/purge/lineage.js';
import type { FileSpan, Ledger } from '../../ledger/store.js';
import { withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { isObject, type Target } from '../purge/targets.js';
import { address, grouped, Prefixes } from './places.js';

/** Targets looked up at once. */
const CHUNK = 1_000;

/** What is asked about beside the files that the ledger knows: keys of records that it has not, inputs of transform jobs. */
export interface Interest {
  readonly keys: ReadonlySet<string>;
  readonly prefixes: Prefixes;
}

/**
 * Which files are targets, of those that anything ever used. Lists of targets have millions of lines: they are read once, and only what
 * the ledger or `interest` knows is kept. A key that was erased before is known by its hash.
 */
export class Matcher {
  private readonly keys = new Set<string>();
  private readonly targetPrefixes = new Prefixes();
  private readonly touched = new Set<string>();
  private readonly spanOf = new Map<string, FileSpan>();
  private readonly prefixTargets: { bucket: string; prefix: string }[] = [];

  private constructor(private readonly hashes: KeyedHashes) {}

  static async of(
    targets: AsyncIterable<Target>,
    { ledger, hashes, interest }: { ledger: Ledger; hashes: KeyedHashes; interest: Interest },
  ): Promise<Matcher> {
    const matcher = new Matcher(hashes);
    for await (const chunk of chunked(targets)) {
      heartbeat();
      await matcher.add(chunk, ledger, interest);
    }
    return matcher;
  }

  /** One span a model, over all files that are targets. */
  get spans(): FileSpan[] {
    return [...this.spanOf.values()];
  }

  /** Prefixes among the targets. */
  get prefixes(): readonly { readonly bucket: string; readonly prefix: string }[] {
    return this.prefixTargets;
  }

  /** Takes what stands in place of erased keys for targets, too; of which bucket each is, its hash knows alone. */
  async addErased(
    erased: ReadonlySet<string>,
    buckets: readonly string[],
    { ledger, interest }: { ledger: Ledger; interest: Interest },
  ): Promise<void> {
    const names = [...erased];
    for (const bucket of buckets) {
      for (let at = 0; at < names.length; at += CHUNK) {
        heartbeat();
        await this.addNames(bucket, names.slice(at, at + CHUNK), ledger, interest);
      }
    }
  }

  /** Whether a file of a record is a target; its key may be one that was erased. */
  has(bucket: string, key: string): boolean {
    return this.keys.has(address(bucket, key)) || this.targetPrefixes.cover(bucket, key);
  }

  /** Whether an input of a transform job, a prefix of `interest`, has a target. */
  touches(bucket: string, prefix: string): boolean {
    return this.touched.has(address(bucket, prefix)) || this.targetPrefixes.cover(bucket, prefix);
  }

  /** What stands in records in place of a key. */
  inPlaceOf(bucket: string, key: string): string {
    return isPurgedKey(key) ? key : purgedKey(this.hashes.object(bucket, key));
  }

  private async add(chunk: readonly Target[], ledger: Ledger, interest: Interest): Promise<void> {
    for (const [bucket, targets] of grouped(chunk, (target) => target.bucket)) {
      const names = targets.filter(isObject).flatMap(({ key }) => [key, this.inPlaceOf(bucket, key)]);
      for (const { key } of targets.filter(isObject))
        for (const one of interest.prefixes.of(bucket, key)) this.touched.add(one);
      await this.addNames(bucket, names, ledger, interest);
      for (const target of targets) if (!isObject(target)) await this.addPrefix(target, ledger, interest);
    }
  }

  /** Of names as they stand in records, those that are there. */
  private async addNames(bucket: string, names: readonly string[], ledger: Ledger, interest: Interest): Promise<void> {
    for (const name of names) if (interest.keys.has(address(bucket, name))) this.keys.add(address(bucket, name));
    const spans = names.length === 0 ? [] : await asked(() => ledger.spansOfKeys(bucket, names));
    for (const span of spans) {
      if (span.key !== undefined) this.keys.add(address(bucket, span.key));
      this.widen(span);
    }
  }

  private async addPrefix(
    { bucket, prefix }: { bucket: string; prefix: string },
    ledger: Ledger,
    interest: Interest,
  ): Promise<void> {
    this.targetPrefixes.add(bucket, prefix);
    this.prefixTargets.push({ bucket, prefix });
    for (const one of interest.prefixes.below(bucket, prefix)) this.touched.add(one);
    for (const span of await asked(() => ledger.spansOfPrefix(bucket, prefix))) this.widen(span);
  }

  private widen({ model, from, to }: FileSpan): void {
    const known = this.spanOf.get(model);
    // ISO 8601 of one form: order of text is order of time.
    this.spanOf.set(model, {
      model,
      from: known && known.from < from ? known.from : from,
      to: known && known.to > to ? known.to : to,
    });
  }
}

/** A question to the ledger; its errors as failures. */
export const asked = <T>(question: () => Promise<T>): Promise<T> =>
  withFailures({ resource: 'the ledger', action: 'look up files' }, question);

async function* chunked(targets: AsyncIterable<Target>): AsyncGenerator<Target[]> {
  let chunk: Target[] = [];
  for await (const target of targets) {
    chunk.push(target);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
