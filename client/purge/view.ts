import { parseSpan } from '../../contracts/duration.js';
import type { Blocked, CopiesErased, EntryCounts, TargetsSeen } from '../../contracts/purge/index.js';
import type { RecordsPlanned } from '../../contracts/purge/lineage.js';
import type { PurgeProgress, PurgeResult } from '../../contracts/purge/process.js';
import { formatBytes, formatSeconds, formatTime, plural, secondsBetween } from '../format.js';
import type { Output } from '../output.js';
import type { Pending } from '../run/describe.js';
import type { PurgeEnd } from './look.js';

type Fact = readonly [string, string | undefined];

/** `2 objects, 1 prefix`, and the values of rows. */
export function targetsInWords({ objects, prefixes, values }: Pick<TargetsSeen, 'objects' | 'prefixes' | 'values'>) {
  const named = [
    ...(objects > 0 ? [plural(objects, 'object')] : []),
    ...(prefixes > 0 ? [prefixes === 1 ? '1 prefix' : `${prefixes} prefixes`] : []),
  ].join(', ');
  return values > 0 ? `rows with ${plural(values, 'value')} in ${named}` : named;
}

/** `12 versions, 3 delete markers, 1 upload in flight, 4.2 KiB` */
export const entriesInWords = ({ versions, markers, uploads, bytes }: EntryCounts) =>
  [
    plural(versions, 'version'),
    ...(markers > 0 ? [plural(markers, 'delete marker')] : []),
    ...(uploads > 0 ? [`${plural(uploads, 'upload')} in flight`] : []),
    formatBytes(bytes),
  ].join(', ');

export const blockedInWords = ({ by, entries, until, advice }: Blocked) =>
  `${entries} by ${by}${until ? ` until ${formatTime(until)}` : ''}: ${advice}`;

export const conflictsInWords = (conflicts: CopiesErased['conflicts']) =>
  Object.entries(conflicts)
    .map(([reason, count]) => `${count}: ${reason}`)
    .join('; ') || undefined;

/** The date that lies a span of time after `at`. */
function after(at: string, span: string): string {
  const { months = 0, ms = 0 } = parseSpan(span) ?? {};
  const date = new Date(Date.parse(at) + ms);
  date.setUTCMonth(date.getUTCMonth() + months);
  return date.toISOString().slice(0, 10);
}

function copiesInWords({ files, bytes, mounts }: CopiesErased, at: string): string | undefined {
  if (mounts.length === 0) return undefined;
  const backups = mounts.map(({ path, backups }) => {
    return `${path}, whose backups may keep them until ${after(at, backups)}`;
  });
  return `${plural(files, 'file')}, ${formatBytes(bytes)} on ${backups.join('; ')}`;
}

const rowsInWords = ({ rows, objectsRewritten, objectsSearched, values, found }: NonNullable<PurgeResult['rows']>) =>
  `${rows} in ${plural(objectsRewritten, 'object')} of ${objectsSearched} searched; found ${found} of ${plural(values, 'value')}`;

function retrainedInWords({ retrained }: PurgeResult): string | undefined {
  return retrained.map(({ model, run, outcome = 'Unknown' }) => `${model}: ${run} ${outcome}`).join('; ') || undefined;
}

/** What a purge has to show for itself. */
function purgeFacts(result: PurgeResult, endedAt: string): Fact[] {
  const { targets, erased, copies, rows, later, blocked, lineage, records, audit, seconds } = result;
  const { models, live, runs, batchOutputs, lineageUri } = lineage;
  return [
    ['targets', targetsInWords(targets)],
    ['erased', rows ? undefined : `${entriesInWords(erased)} of ${plural(erased.keys, 'key')}`],
    ['rows', rows && rowsInWords(rows)],
    ['copies', copiesInWords(copies, endedAt)],
    ['conflicts', conflictsInWords(copies.conflicts)],
    ...blocked.map((one): Fact => ['blocked', blockedInWords(one)]),
    ['came since', later > 0 ? plural(later, 'object') : undefined],
    [
      'saw it',
      runs > 0
        ? `${plural(runs, 'run')} of ${models.join(', ')}; live: ${live.join(', ') || 'none'}; ${plural(batchOutputs, 'batch output')}`
        : 'no recorded run',
    ],
    ['lineage', runs > 0 ? lineageUri : undefined],
    ['retrained', retrainedInWords(result)],
    [
      'records',
      rows ? undefined : `keys hashed in ${recordsInWords(records)}, ${plural(records.ledgerRows, 'ledger row')}`,
    ],
    ['chain', `row ${audit.sequence}, ${audit.head}${audit.headUri ? `, ${audit.headUri}` : ''}`],
    ['took', formatSeconds(seconds)],
  ];
}

export const recordsInWords = ({ fileRecords, manifests, scores }: RecordsPlanned) =>
  `${plural(fileRecords, 'file record')}, ${plural(manifests, 'manifest')}, ${plural(scores, 'score record')}`;

/** What may have been meant otherwise: it is for people to judge. Counts only. */
function doubts({ targets, erased, copies, rows, remaining, later }: PurgeResult): string[] {
  if (rows)
    return rows.found < rows.values
      ? [
          `${rows.values - rows.found} of ${plural(rows.values, 'value')} ${were(rows.values - rows.found)} found nowhere`,
        ]
      : [];
  const { objects, prefixes } = targets;
  const gone = erased.versions + erased.markers + erased.uploads;
  const left = remaining.versions + remaining.markers + remaining.uploads + later;
  const again = 'unless an earlier purge erased it, check the keys letter by letter';
  if (gone + left + copies.files === 0) return [`no target had anything: ${again}`];
  // A target that had something has a key at the least; its copies have more.
  const without = prefixes === 0 && left === 0 ? objects - erased.keys : 0;
  return without > 0 ? [`at least ${without} of ${plural(objects, 'target')} had nothing: ${again}`] : [];
}

const were = (count: number) => (count === 1 ? 'was' : 'were');

/** What a person can do about an outcome; `listGone`: the list of targets was erased. */
function nextStep(request: string, outcome: PurgeEnd['outcome'], listGone = false): string {
  switch (outcome) {
    case 'Purged':
      return `\`perennial purge certificate ${request} --out certificate.html\` writes the proof`;
    case 'Blocked':
    case 'Failed':
    case 'Cancelled':
      return listGone
        ? "its list of targets is erased, so it can't be resumed: start it anew with its targets"
        : `\`perennial purge resume ${request}\` goes on; \`perennial purge forget ${request}\` erases the list of targets instead`;
    case 'Reuploaded':
      return 'stop what uploads there, then purge again with --uploads purge to erase what came since; or leave it: tombstones keep it out of manifests';
  }
}

/** What a purge that did not come to its end has erased, as far as it had reported. */
const erasedAtLeast = (erased: EntryCounts | undefined) =>
  erased &&
  (erased.versions + erased.markers + erased.uploads > 0
    ? `at least ${entriesInWords(erased)}`
    : 'nothing that it had reported yet');

/** Warnings, each in lines that fit. */
const warned = (output: Output, warnings: readonly string[]) =>
  warnings.map((warning) => output.style('yellow', output.wrapped(`warning: ${warning}`, 2)));

/** The end of a purge, for people. */
export function renderEnd(
  output: Output,
  request: string,
  { outcome, reason, result, erased }: PurgeEnd,
  url: string | undefined,
  endedAt: string,
): string {
  return [
    output.wrapped(`${output.outcome(outcome)}: ${reason}`, 2),
    output.facts([
      ['request', request],
      ...(result ? purgeFacts(result, endedAt) : [['erased', erasedAtLeast(erased)] satisfies Fact]),
      ['UI', url],
    ]),
    ...warned(output, [...(result?.warnings ?? []), ...(result ? doubts(result) : [])]),
    output.wrapped(nextStep(request, outcome), 2),
  ].join('\n');
}

/** Everything known of a purge, as `perennial purge status --json` prints it. */
export interface PurgeView {
  readonly request: string;
  /** Workflow run id. */
  readonly execution: string;
  /** `running`, or how it ended. */
  readonly state: 'running' | PurgeEnd['outcome'];
  readonly reason?: string;
  readonly result?: PurgeResult;
  readonly progress?: PurgeProgress;
  /** Of one that could be resumed otherwise: its list of targets was erased. */
  readonly listGone?: true;
  /** How far the erasing is, in words. */
  readonly pace?: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly pending: readonly Pending[];
  readonly historyEvents: number;
  readonly url?: string;
}

export function renderStatus(output: Output, view: PurgeView): string {
  const { request, state, reason, result, progress, pace, startedAt, endedAt, pending, historyEvents, url } = view;
  const took = endedAt === undefined ? '' : `, took ${formatSeconds(secondsBetween(startedAt, endedAt))}`;
  const stage = state === 'running' && progress ? ` (${progress.stage})` : '';
  const facts = result
    ? purgeFacts(result, endedAt ?? startedAt).filter(([name]) => name !== 'took')
    : ([
        ['targets', progress?.targets && targetsInWords(progress.targets)],
        ['erased', state === 'running' ? progress && entriesInWords(progress.erased) : erasedAtLeast(progress?.erased)],
        ['now', pace],
      ] satisfies Fact[]);
  return [
    `${output.style('bold', request)}  ${output.outcome(state)}${stage}${reason === undefined ? '' : `\n  ${output.wrapped(reason, 2)}`}`,
    output.facts([
      ['started', `${formatTime(startedAt)}${took}`],
      ...facts,
      ['history', plural(historyEvents, 'event')],
      ['UI', url],
    ]),
    pending
      .map(({ activity, attempt, last }) =>
        output.wrapped(`waiting in ${activity}, try ${attempt}${last ? `: ${last}` : ''}`, 2),
      )
      .join('\n'),
    (progress?.notes ?? []).map((note) => output.wrapped(`- ${note}`, 2)).join('\n'),
    warned(output, [...(progress?.warnings ?? result?.warnings ?? []), ...(result ? doubts(result) : [])]).join('\n'),
    state === 'running' ? '' : output.wrapped(nextStep(request, state, view.listGone), 2),
  ]
    .filter(Boolean)
    .join('\n\n');
}
