import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import {
  LONGEST_REASON,
  REQUEST_ID,
  purgeId,
  type PurgeInput,
  type PurgeOptions,
  type TargetsSeen,
} from '../../contracts/purge/index.js';
import { Digests } from '../../contracts/purge/digests.js';
import type { Storage } from '../../contracts/storage/index.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { defaultStorage } from '../../contracts/storage/defaults.js';
import { taskQueue } from '../connect.js';
import { CliError, usageError } from '../errors.js';
import { plural } from '../format.js';
import { findStorage } from '../storage/find.js';
import type { Output } from '../output.js';
import type { Terminal } from '../terminal.js';
import type { ListUpload } from './list.js';
import type { Faults } from './targets.js';
import { type Named, targetLines } from './targets.js';
import { targetsInWords } from './view.js';

/** A list of targets that is there, and where records go. */
export interface Listed {
  readonly list: ListUpload;
  readonly storage: Storage;
  /** As the storage file says; absent where none was applied. */
  readonly declared?: Storage;
  readonly counts: Pick<TargetsSeen, 'objects' | 'prefixes' | 'values'>;
  /** Lines that named once more what was named already, and were left out. */
  readonly repeated: number;
}

/** What is wrong with the words of a request, beside its targets. */
export function checkRequest(faults: Faults, { request, reason }: Pick<PurgeInput, 'request' | 'reason'>): void {
  if (!REQUEST_ID.test(request))
    faults.add('--request', 'must be letters, digits, ".", "_" and "-", at most 100; never the name of a person');
  if (reason.trim() === '' || reason.length > LONGEST_REASON)
    faults.add('--reason', `must say why, in at most ${LONGEST_REASON} characters`);
}

/** Rows want both; `faults` has what is wrong. */
export function checkColumn(faults: Faults, column: number | undefined, valueFile: string | undefined): void {
  if (column !== undefined && !(Number.isInteger(column) && column > 0))
    faults.add('--column', 'must be the number of a column, from 1');
  if ((column === undefined) !== (valueFile === undefined))
    faults.add('--column and --value-file', 'go together: which column, and the values whose rows are to go');
}

/**
 * Brings what was named into the encrypted list, each once, unless there is a fault in it or an interrupt comes. `allow` may refuse once all is
 * counted. Where this throws, nothing is left of the list.
 */
export async function writeList(
  client: Client,
  terminal: Terminal,
  named: Named,
  faults: Faults,
  interrupt: AbortSignal,
  allow: (listed: Listed) => Promise<void> = async () => undefined,
): Promise<Listed> {
  const declared = await findStorage(client);
  // The S3 client takes a while to load: only these commands pay for it.
  const { ListUpload } = await import('./list.js');
  const counts = { objects: 0, prefixes: 0, values: 0 };
  const known = new Digests();
  let repeated = 0;
  let list: ListUpload | undefined;
  let storage = declared;
  try {
    for await (const line of targetLines(named, terminal, faults)) {
      if (!known.add(createHash('sha256').update(JSON.stringify(line)).digest())) {
        repeated += 1;
        continue;
      }
      if ('value' in line) counts.values += 1;
      else if ('key' in line) counts.objects += 1;
      else counts.prefixes += 1;
      // Values stand last: the first line names a bucket, where there is any.
      if (!list && !('value' in line)) {
        storage ??= defaultStorage(line.bucket);
        list = new ListUpload(storage.records);
      }
      await list?.add(line);
      interrupt.throwIfAborted();
    }
    if (counts.objects + counts.prefixes === 0 && isNothing(named))
      faults.add('targets:', 'none: give S3 URIs, --prefix or --from');
    faults.check();
    if (!list || !storage) throw usageError('nothing to purge');
    const listed = { list, storage, ...(declared && { declared }), counts, repeated };
    await allow(listed);
    interrupt.throwIfAborted();
    await list.finish();
    interrupt.throwIfAborted();
    return listed;
  } catch (error) {
    await list?.discard();
    throw error;
  }
}

/** Whether nothing was named at all; what was named wrongly has a fault of its own. */
const isNothing = ({ uris, prefix = [], from }: Named) => uris.length + prefix.length === 0 && from === undefined;

/** A prefix, or many objects, want a word. */
export async function confirm(
  terminal: Terminal,
  request: string,
  { counts, storage }: Pick<Listed, 'counts' | 'storage'>,
  interrupt?: AbortSignal,
): Promise<void> {
  const { confirmAbove } = storage.purge;
  if (counts.prefixes === 0 && counts.objects <= confirmAbove) return;
  const what = `this erases ${targetsInWords(counts)} for good, in all versions`;
  if (!terminal.inIsTty || !terminal.errIsTty)
    throw usageError(`${what}: --dry-run shows what would go, --yes confirms. Nothing was started`);
  const answer = await terminal.ask(`${what}. Type the request's id to go on: `, interrupt);
  if (answer.trim() !== request) throw new CliError('not confirmed: nothing was started');
}

/** Starts the purge. Throws if one of this request is under way. */
export async function startPurge(
  client: Client,
  env: NodeJS.ProcessEnv,
  input: PurgeInput,
): Promise<{ workflowId: string; execution: string }> {
  try {
    const { workflowId, firstExecutionRunId } = await client.workflow.start(WORKFLOWS.purge, {
      workflowId: purgeId(input.request),
      taskQueue: taskQueue(env),
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: `erasure request ${input.request}`,
    });
    return { workflowId, execution: firstExecutionRunId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new CliError(
      `a purge of request ${input.request} is under way: \`perennial purge status ${input.request}\` shows it. Nothing was started`,
      undefined,
      { cause: error },
    );
  }
}

/** Options that were given; the others have the careful default. */
export function purgeOptions(flags: {
  readonly column?: number | undefined;
  readonly retrain?: true | undefined;
  readonly stopJobs?: true | undefined;
  readonly uploads?: 'report' | 'purge' | undefined;
  readonly bypassGovernance?: true | undefined;
  readonly tombstones?: boolean | undefined;
}): PurgeOptions {
  const { column, retrain, stopJobs, uploads, bypassGovernance, tombstones } = flags;
  return {
    ...(column !== undefined && { column }),
    ...(retrain && { retrain }),
    ...(stopJobs && { stopJobs }),
    ...(uploads && { uploads }),
    ...(bypassGovernance && { bypassGovernance }),
    ...(tombstones === false && { tombstones }),
  };
}

/** Who counts their lines is to know why there are fewer targets. */
export function tellRepeated({ repeated }: Pick<Listed, 'repeated'>, output: Output): void {
  if (repeated > 0)
    output.note(`${plural(repeated, 'line')} named once more what was named already: each is taken once`);
}

/** A key that ends in `/` is an object to S3, and seldom what was meant. */
export function hintAtFolders({ uris }: Named, output: Output): void {
  if (uris.some((uri) => uri.endsWith('/')))
    output.note('a target that ends in / is taken as the one object of that name; --prefix takes all below it');
}
