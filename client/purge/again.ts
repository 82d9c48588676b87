import type { Client } from '@temporalio/client';
import { purgeId, type PurgeInput } from '../../contracts/purge/index.js';
import { linksAmong } from '../../contracts/purge/mounts.js';
import { type Context, outputOf } from '../commands/command.js';
import { ask } from '../ask.js';
import { requireWorker, withClient } from '../connect.js';
import { CliError, usageError } from '../errors.js';
import { plural } from '../format.js';
import { findStorage } from '../storage/find.js';
import { start, tellOf } from './begin.js';
import { endOf, executionsOf, inputOf, lookAtPurge, type LivePurge } from './look.js';

/** The newest purge of a request, which must be there. */
export async function required(client: Client, request: string): Promise<LivePurge> {
  const live = await lookAtPurge(client, request);
  if (live) return live;
  throw usageError(
    `no purge of request ${request} is known to Temporal: \`perennial purge list\` shows those that are, \`perennial purge certificate ${request} --out ${request}.html\` asks the ledger`,
  );
}

/** What a purge that has ended was started with; refuses what can't be gone on with. */
async function unfinished(client: Client, request: string): Promise<{ input: PurgeInput; live: LivePurge }> {
  const live = await required(client, request);
  if (live.status === 'RUNNING')
    throw new CliError(`the purge of request ${request} is still running: \`perennial purge status ${request}\``);
  const { outcome, reason } = await endOf(client, request);
  if (outcome === 'Purged' || outcome === 'Reuploaded')
    throw new CliError(
      `the purge of request ${request} ended as ${outcome}, and its list of targets is erased: ${reason}. There is nothing to resume`,
    );
  const input = await inputOf(client, live);
  if (input) return { input, live };
  throw new CliError(`Temporal no longer has the input of purge/${request}: start it anew with its targets`);
}

/** Files that were unlinked, and had other links: no later execution could find them by their paths. */
async function linksOf(client: Client, request: string, { progress }: LivePurge): Promise<number> {
  if (progress) return progress.links ?? 0;
  const { outcome, result } = await endOf(client, request);
  if (result) return linksAmong(result.blocked).links;
  throw new CliError(
    `the purge of request ${request} ended as ${outcome}, and does not answer what it left on mounts: see that a worker runs, then once more. Nothing was started`,
  );
}

/**
 * Files with other links that earlier purges of the request unlinked, for a new one: it would not find them, and say Purged. None where
 * Temporal knows no earlier one, or one is under way, which keeps a new one from starting.
 */
export async function linksBefore(client: Client, request: string): Promise<number> {
  const live = await lookAtPurge(client, request);
  return live && live.status !== 'RUNNING' ? linksOf(client, request, live) : 0;
}

/** Starts a purge again, with what it was started with. */
export async function resume(
  context: Context,
  request: string,
  {
    follow,
    json,
    linksRemoved,
  }: { follow?: true | undefined; json?: true | undefined; linksRemoved?: true | undefined },
) {
  const { terminal } = context;
  const output = outputOf(context, { json });
  await withClient(terminal, async (client) => {
    await requireWorker(client, terminal.env);
    const { input, live } = await unfinished(client, request);
    const { isThere } = await import('./list.js');
    if (!(await isThere(input.targetsUri)))
      throw new CliError(
        `${input.targetsUri}, the list of targets, is gone: start the purge anew with its targets. Nothing was started`,
      );
    // What was uploaded since the first start is as new as it was then; what is declared may have been mended since.
    const links = await linksOf(client, request, live);
    if (linksRemoved && links === 0)
      throw usageError(
        `no purge of request ${request} unlinked a file that had other links: leave out --links-removed`,
      );
    const { storage: earlier, links: _, linksRemoved: __, ...same } = input;
    const storage = (await findStorage(client)) ?? earlier;
    const since = input.since ?? live.startedAt;
    const again = {
      ...same,
      since,
      ...(storage && { storage }),
      ...(links > 0 && { links, ...(linksRemoved && { linksRemoved }) }),
    };
    const started = await start(client, context, again, async () => undefined);
    await tellOf(client, context, output, started, follow);
  });
}

/** Erases what the purges of a request that are not to be resumed left in plain: their lists, and tombstones of prefixes. */
export async function forget(context: Context, request: string, json: true | undefined) {
  const output = outputOf(context, { json });
  await withClient(context.terminal, async (client) => {
    const { status } = await required(client, request);
    if (status === 'RUNNING')
      throw new CliError(`the purge of request ${request} is still running: \`perennial purge status ${request}\``);
    const { isThere } = await import('./list.js');
    let lists = 0;
    // A request may have been played more than once, and the last may have needed no list of an earlier one.
    for (const { input, ref } of await executionsOf(client, request)) {
      const { targetsUri, storage } = input;
      if (!(await isThere(targetsUri))) continue;
      await ask(client, context.terminal, 'purgeForget', request, { ref, targetsUri, ...(storage && { storage }) });
      lists += 1;
    }
    if (lists === 0)
      throw new CliError(
        `no list of targets of request ${request} is left that Temporal knows of: there is nothing to forget`,
      );
    output.result(
      { request, forgotten: true, lists },
      () =>
        `${plural(lists, 'list')} of targets of ${request} ${lists === 1 ? 'is' : 'are'} erased; it can't be resumed`,
    );
  });
}

/** Stops a purge, and waits until it has stopped. */
export async function cancel(context: Context, request: string, wait: boolean, json: true | undefined) {
  const output = outputOf(context, { json });
  await withClient(context.terminal, async (client) => {
    const live = await required(client, request);
    if (live.status !== 'RUNNING') {
      const { outcome } = await endOf(client, request);
      throw new CliError(`the purge of request ${request} has ended already: ${outcome}. There is nothing to cancel`);
    }
    await client.workflow.getHandle(purgeId(request)).cancel();
    if (!wait) {
      output.result({ request, requested: true }, () => `asked it to stop; what was erased stays erased`);
      return;
    }
    output.note('asked it to stop; waiting until it has (Ctrl-C stops the waiting alone)');
    const { outcome, reason } = await endOf(client, request);
    output.result({ request, cancelled: outcome === 'Cancelled', outcome, reason }, () =>
      outcome === 'Cancelled'
        ? `${output.outcome(outcome)}: ${reason}. \`perennial purge resume ${request}\` goes on`
        : `it ended before the request reached it: ${outcome}, ${reason}`,
    );
  });
}
