import { type Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../contracts/names.js';
import { purgeId } from '../../contracts/purge/index.js';
import { uiUrl, withClient } from '../connect.js';
import { formatAge } from '../format.js';
import { cancel, forget, required, resume } from '../purge/again.js';
import { endOf, exitOf, followPurge, inputOf, paceOf, type LivePurge } from '../purge/look.js';
import { renderStatus, type PurgeView } from '../purge/view.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

/** Outcomes that leave a list of targets to go on with. */
const RESUMABLE: readonly string[] = ['Blocked', 'Failed', 'Cancelled'];

/** Whether the list of a purge is known to be erased; who may not look is told what to do with one that is there. */
async function isListGone(client: Client, live: LivePurge): Promise<boolean> {
  const input = await inputOf(client, live);
  if (!input) return false;
  const { isThere } = await import('../purge/list.js');
  return isThere(input.targetsUri).then(
    (there) => !there,
    () => false,
  );
}

async function viewOf(client: Client, env: NodeJS.ProcessEnv, request: string): Promise<PurgeView> {
  const live = await required(client, request);
  const { progress, pending, startedAt, endedAt, historyEvents, temporalRunId, run } = live;
  const end = live.status === 'RUNNING' ? undefined : await endOf(client, request);
  const url = uiUrl(client, env, run, temporalRunId);
  const pace = paceOf(live);
  const listGone = end && RESUMABLE.includes(end.outcome) && (await isListGone(client, live));
  return {
    request,
    execution: temporalRunId,
    state: end?.outcome ?? 'running',
    ...(end && { reason: end.reason }),
    ...(end?.result && { result: end.result }),
    ...(progress && { progress }),
    ...(listGone === true && { listGone }),
    ...(pace !== undefined && { pace }),
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
    pending,
    historyEvents,
    ...(url !== undefined && { url }),
  };
}

/** One line of the list. */
interface Row {
  readonly request: string;
  readonly execution: string;
  readonly state: string;
  readonly stage?: string;
  readonly startedAt: string;
  readonly endedAt?: string;
}

async function rowsOf(client: Client, limit: number): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const found of client.workflow.list({ query: 'WorkflowType = "purge"' })) {
    const attribute = (name: string) => (found.searchAttributes[name]?.[0] as string | undefined) ?? undefined;
    const running = found.status.name === 'RUNNING';
    const stage = attribute(SEARCH_ATTRIBUTES.stage);
    rows.push({
      request: found.workflowId.slice(purgeId('').length),
      execution: found.runId,
      // What Temporal itself ended has no outcome of its own.
      state: running ? 'running' : (attribute(SEARCH_ATTRIBUTES.outcome) ?? 'Failed'),
      ...(running && stage !== undefined && { stage }),
      startedAt: found.startTime.toISOString(),
      ...(found.closeTime && { endedAt: found.closeTime.toISOString() }),
    });
  }
  // Visibility puts those that run before those that have ended.
  return rows.sort((a, b) => b.startedAt.localeCompare(a.startedAt)).slice(0, limit);
}

async function list(context: Context, json: true | undefined, limit: number) {
  const output = outputOf(context, { json });
  await withClient(context.terminal, async (client) => {
    const rows = await rowsOf(client, limit);
    output.result({ purges: rows }, () =>
      rows.length === 0
        ? 'Temporal knows no purge'
        : output.table(
            ['REQUEST', 'STATE', 'STAGE', 'STARTED'],
            rows.map(({ request, state, stage = '', startedAt }) => [
              request,
              output.outcome(state),
              stage,
              formatAge(startedAt),
            ]),
          ),
    );
  });
}

async function status(context: Context, request: string, follow: true | undefined, json: true | undefined) {
  const { terminal } = context;
  const output = outputOf(context, { json });
  await withClient(terminal, async (client) => {
    const { status: now } = await required(client, request);
    if (follow && now === 'RUNNING') await followPurge(client, terminal, output, request);
    const view = await viewOf(client, terminal.env, request);
    output.result(view, () => renderStatus(output, view));
    if (follow && view.state !== 'running') context.exitCode = exitOf(view.state);
  });
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('Give a number from 1.');
  return number;
}

/** What is done about purges that were started. */
export function purgeUpkeep(context: Context, group: Command): void {
  group
    .command('status')
    .description('how a purge stands, or how it ended')
    .argument('<request>', 'id of the request')
    .option('--follow', 'show how it goes until it ends')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('purge status R-17', 'purge status R-17 --follow'))
    .action((request, { follow, json }) => status(context, request, follow, json));
  group
    .command('list')
    .description('the purges that Temporal remembers, the newest first')
    .option('--limit <count>', 'at most so many', count, 50)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('purge list', 'purge list --json'))
    .action(({ limit, json }) => list(context, json, limit));
  group
    .command('resume')
    .description('go on with a purge that was blocked, failed or was cancelled, with the same targets')
    .argument('<request>', 'id of the request')
    .option('--follow', 'show how it goes until it ends')
    .option('--links-removed', 'files that were unlinked had other hard links, and these are removed: you vouch for it')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('purge resume R-17 --follow', 'purge resume R-17 --links-removed'))
    .action((request, options) => resume(context, request, options));
  group
    .command('cancel')
    .description('stop a purge; what was erased stays erased')
    .argument('<request>', 'id of the request')
    .option('--no-wait', 'do not wait until it has stopped')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('purge cancel R-17'))
    .action((request, { wait, json }) => cancel(context, request, wait, json));
  group
    .command('forget')
    .description(
      'erase the list of targets of a purge that was blocked, failed or was cancelled, instead of resuming it',
    )
    .argument('<request>', 'id of the request')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('purge forget R-17'))
    .action((request, { json }) => forget(context, request, json));
}
