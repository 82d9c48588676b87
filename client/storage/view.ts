import type { ScheduleDescription } from '@temporalio/client';
import type { Mirror, Storage } from '../../contracts/storage/index.js';
import type { StoragePlan } from '../apply/storage.js';
import { DONE, word, type ApplyOptions } from '../apply/words.js';
import { renderChange } from '../diff.js';
import { formatTime, plural } from '../format.js';
import type { Output } from '../output.js';

/** What `apply --json` says of the declared storage. */
export function storageAnswer(plan: StoragePlan, { dryRun, prune }: ApplyOptions, failed: boolean) {
  const { file, entity, schedule, changes } = plan;
  if (file === undefined) return { notInFiles: true, removed: prune === true && dryRun !== true && !failed };
  return { file, entity: failed ? 'failed' : DONE[entity], schedule: failed ? 'failed' : DONE[schedule], changes };
}

/** One line of `apply` for the declared storage, and below it what differs. A new one has no keys to compare. */
export function renderStoragePlan(output: Output, plan: StoragePlan, { dryRun = false, prune }: ApplyOptions): string {
  const subject = output.style('bold', 'storage');
  if (plan.file === undefined)
    return prune
      ? `${subject}: not in the files, ${dryRun ? 'would be removed' : 'removed'}; what lies on mounts stays`
      : `${subject}: not in the files, left as it is (--prune removes it)`;
  const parts = [word(plan.entity, dryRun)];
  if (plan.schedule !== 'none' && !(plan.schedule === 'unchanged' && plan.entity === 'unchanged'))
    parts.push(`schedule of reconcile ${word(plan.schedule, dryRun)}`);
  return [`${subject}: ${parts.join(', ')}`, ...plan.changes.map((change) => `    ${renderChange(change)}`)].join('\n');
}

const s3 = (bucket: string, prefix: string) => `s3://${bucket}/${prefix}`;

function follows({ created, removed }: Mirror): string {
  if (created && removed) return 'created, removed';
  return created ? 'created only' : removed ? 'removed only' : 'nothing';
}

/** When bucket and mounts are compared next. A paused schedule's times pass without it. */
export interface NextReconcile {
  readonly paused: boolean;
  readonly note?: string;
  /** ISO 8601. */
  readonly next?: string;
}

export function nextReconcile({ state: { paused, note }, info }: ScheduleDescription): NextReconcile {
  return { paused, ...(note && { note }), ...(!paused && { next: info.nextActionTimes[0]?.toISOString() }) };
}

function reconcileText({ reconcile }: Storage, schedule: NextReconcile | undefined): string {
  if (!reconcile) return 'by hand only';
  const clock = `${reconcile.cron} (${reconcile.timeZone})`;
  if (!schedule) return `${clock}; the schedule is gone: \`perennial apply\` brings it back`;
  if (schedule.paused) return `${clock}; paused${schedule.note === undefined ? '' : `: ${schedule.note}`}`;
  return schedule.next === undefined ? clock : `${clock}; next ${formatTime(schedule.next)}`;
}

function auditText({ bucket, retention, signingKey, formerKeys = [] }: NonNullable<Storage['audit']>): string {
  const former = formerKeys.length === 0 ? '' : `, ${plural(formerKeys.length, 'former key')}`;
  return `heads in ${s3(bucket, '')}, locked for ${retention}, signed with ${signingKey}${former}`;
}

/** What `storage show` says. */
export function renderStorage(output: Output, storage: Storage, schedule?: NextReconcile): string {
  const { records, mirrors, copies, audit, purge } = storage;
  const facts = output.facts([
    ['records', `${s3(records.bucket, '_perennial/')}${records.key === undefined ? '' : `, key ${records.key}`}`],
    ['reconcile', reconcileText(storage, schedule)],
    ['audit', audit ? auditText(audit) : 'no signed heads'],
    ['--yes above', plural(purge.confirmAbove, 'object')],
  ]);
  const tables = [
    mirrors.length > 0 &&
      output.table(
        ['MIRROR OF', 'FOLDER', 'FILE SYSTEM', 'FOLLOWS', 'OWNER', 'BACKUPS'],
        mirrors.map((one) => [
          s3(one.bucket, one.prefix),
          one.path,
          one.fileSystem ?? '',
          follows(one),
          `${one.uid}:${one.gid}`,
          one.backups,
        ]),
        ['OWNER', 'FOLLOWS'],
      ),
    copies.length > 0 &&
      output.table(
        ['ORIGINALS', 'COPIES'],
        copies.map((one) => [s3(one.bucket, one.prefix), `${s3(one.toBucket, one.toPrefix)}…${one.suffix}`]),
      ),
  ];
  return [facts, ...tables.filter((table) => table !== false)].join('\n\n');
}
