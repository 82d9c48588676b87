import type { FileEntry, FileRecord } from '../../contracts/records.js';
import type { Baseline } from './baseline.js';
import { ALWAYS } from './baseline.js';
import { inside } from './dates.js';
import type { Window } from './dates.js';
import { HOLDOUT } from './holdout.js';

/** Whether there is news, and in sentences why or why not. */
export interface Verdict {
  readonly news: boolean;
  readonly reasons: readonly string[];
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** What of a file record a verdict needs. */
type Earlier = Pick<FileRecord, 'run' | 'files' | 'definitionHash'>;

/** What a verdict is made of: the files of today, and what is deployed. */
export interface Evidence {
  readonly files: readonly FileEntry[];
  readonly window: Window;
  readonly definitionHash: string;
  readonly baseline: Baseline;
  /** What the deployed run looked at; without it the watermark decides. */
  readonly deployed?: Earlier;
  /** What a run looked at whose model was rolled back or rejected since. */
  readonly refused?: Earlier;
  /** What a candidate would be judged by. */
  readonly gateHash?: string;
  readonly force: boolean;
  /** Name of the watermark's parameter. */
  readonly parameter: string;
}

/** `1 file`, `2 files`. */
export const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Whether a file lies under the train prefix: trained on, or kept from training to judge on. */
export const isOfTrainPrefix = ({ channel }: FileEntry) => channel === 'train' || channel === HOLDOUT;

/** Newest date under the train prefix: what the watermark is compared with. */
export const newestOf = (files: readonly FileEntry[]) =>
  files
    .filter(isOfTrainPrefix)
    .reduce<string | undefined>(
      (newest, { date }) => (newest === undefined || date > newest ? date : newest),
      undefined,
    );

/** Decides whether a run has something to learn. Reads nothing and writes nothing. */
export function judge(evidence: Evidence): Verdict {
  const { baseline, deployed, force, parameter } = evidence;
  const found = sinceRefusal(evidence, deployed ? sinceRecord(evidence, deployed) : sinceWatermark(evidence));
  const reasons = [...found.reasons];
  if (deployed && baseline.watermark === ALWAYS) reasons.push(`SSM parameter ${parameter} is 0: always train`);
  if (force) reasons.push('asked to train whatever the data says');
  const news = found.news || force || baseline.watermark === ALWAYS;
  return { ...found, news, reasons };
}

/** What made a model that was refused would make it again: no news until something changes. A rejected one may be judged by another gate. */
function sinceRefusal(evidence: Evidence, found: Verdict): Verdict {
  const { refused, gateHash, baseline } = evidence;
  const why = baseline.refused;
  if (!found.news || !refused || !why || sinceRecord(evidence, refused).news) return found;
  const rejected = why.why === 'rejected';
  if (rejected && why.gateHash !== gateHash) return found;
  const said = why.reason.trim().replace(/\.$/, '');
  return {
    ...found,
    news: false,
    reasons: [
      ...found.reasons,
      rejected
        ? `but nothing new since ${why.run}, which was ${said.startsWith('rejected') ? said : `rejected: ${said}`}. Change data, definition or gate, or train with --force`
        : `but nothing new since ${why.run}, whose model was rolled back: ${said}. Change data or definition, or train with --force`,
    ],
  };
}

/**
 * What a file is known by: its key, so that a file that leaves the holdout for the train channel as days pass is the same. One on a mount is
 * another than the object that it is a copy of.
 */
const identityOf = ({ channel, key, mounted }: FileEntry) => (mounted ? `${channel}:${key}` : `:${key}`);

/** How files differ from earlier ones. `removed` lists those of the earlier ones that are gone. */
export function compareFiles(earlier: readonly FileEntry[], now: readonly FileEntry[]) {
  const before = new Map(earlier.map((file) => [identityOf(file), file]));
  let added = 0;
  let changed = 0;
  for (const file of now) {
    const identity = identityOf(file);
    const known = before.get(identity);
    before.delete(identity);
    if (!known) added += 1;
    else if (known.etag !== file.etag || known.size !== file.size) changed += 1;
  }
  return { added, changed, removed: [...before.values()] };
}

function sinceRecord({ files, window, definitionHash }: Evidence, deployed: Earlier): Verdict {
  const difference = compareFiles(deployed.files, files);
  // What left the window only aged out, and what lies after its end is not looked at. Of a mount all is looked at.
  const removed = difference.removed.filter(({ mounted, date }) => mounted || inside(window, date)).length;
  const { added, changed } = difference;
  const reasons: string[] = [];
  const since = `since ${deployed.run}`;
  if (added + changed + removed > 0) {
    reasons.push(`${counted(added, 'new file')}, ${changed} changed, ${removed} removed ${since}`);
  }
  if (definitionHash !== deployed.definitionHash) reasons.push(`the definition changed ${since}`);
  const news = reasons.length > 0;
  return {
    news,
    reasons: news ? reasons : [`nothing new ${since}, the last run that was deployed`],
    added,
    changed,
    removed,
  };
}

function sinceWatermark({ files, baseline, parameter }: Evidence): Verdict {
  const gone =
    baseline.pointer && `the file record of ${baseline.pointer.run}, the last run that was deployed, is gone`;
  const { watermark } = baseline;
  const newest = newestOf(files);
  const verdict = (news: boolean, added: number, reason: string): Verdict => ({
    news,
    reasons: gone ? [gone, reason] : [reason],
    added,
    changed: 0,
    removed: 0,
  });
  if (watermark === undefined) {
    return verdict(
      true,
      files.length,
      `first run: SSM parameter ${parameter} does not exist and no deployed run is recorded`,
    );
  }
  if (watermark === ALWAYS) return verdict(true, files.length, `SSM parameter ${parameter} is 0: always train`);
  const added = files.filter(({ date }) => date > watermark).length;
  return newest !== undefined && newest > watermark
    ? verdict(true, added, `newest file of ${newest} is later than ${watermark} in SSM parameter ${parameter}`)
    : verdict(
        false,
        added,
        `newest file of ${newest ?? 'none'} is not later than ${watermark} in SSM parameter ${parameter}`,
      );
}
