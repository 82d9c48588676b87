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

/** What a person can do about an outcome. */
function nextStep(request: string, outcome: PurgeEnd['outcome']): string {
  switch (outcome) {
    case 'Purged':
      return `\`perennial purge certificate ${request} --out certificate.html\` writes the proof`;
    case 'Blocked':
    case 'Failed':
    case 'Cancelled':
      return `\`perennial purge resume ${request}\` goes on; \`perennial purge forget ${request}\` erases the list of targets instead`;
    case 'Reuploaded':
      return 'stop what uploads there, then purge again with --uploads purge to erase what came since; or leave it: tombstones keep it out of manifests';
  }
}

/** The end of a purge, for people. */
export function renderEnd(
  output: Output,
  request: string,
  { outcome, reason, result }: PurgeEnd,
  url: string | undefined,
  endedAt: string,
): string {
  return [
    `${output.outcome(outcome)}: ${reason}`,
    output.facts([['request', request], ...(result ? purgeFacts(result, endedAt) : []), ['UI', url]]),
    ...(result?.warnings ?? []).map((warning) => output.style('yellow', `warning: ${warning}`)),
    nextStep(request, outcome),
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
        ['erased', progress && entriesInWords(progress.erased)],
        ['now', pace],
      ] satisfies Fact[]);
  return [
    `${output.style('bold', request)}  ${output.outcome(state)}${stage}${reason === undefined ? '' : `\n  ${reason}`}`,
    output.facts([
      ['started', `${formatTime(startedAt)}${took}`],
      ...facts,
      ['history', plural(historyEvents, 'event')],
      ['UI', url],
    ]),
    pending
      .map(({ activity, attempt, last }) => `waiting in ${activity}, try ${attempt}${last ? `: ${last}` : ''}`)
      .join('\n'),
    (progress?.notes ?? []).map((note) => `- ${note}`).join('\n'),
    (progress?.warnings ?? []).map((warning) => output.style('yellow', `warning: ${warning}`)).join('\n'),
    state === 'running' ? '' : nextStep(request, state),
  ]
    .filter(Boolean)
    .join('\n\n');
}
