import type { Client } from '@temporalio/client';
import { entityId } from '../contracts/names.js';
import { MESSAGES } from '../contracts/runs.js';
import type { ChangeRequest } from '../contracts/versions.js';
import { ask } from './ask.js';
import type { Context } from './commands/command.js';
import { outputOf } from './commands/command.js';
import { withClient } from './connect.js';
import { requireModel } from './models.js';
import { decisionOf } from './person.js';
import { followReceipt } from './run/receipt.js';

/** The longest that the entity may take to start a change. */
const ANSWER_MS = 60_000;

/** Options of `rollback` and `deploy`. */
export interface ChangeOptions {
  readonly note?: string | undefined;
  readonly by?: string | undefined;
  readonly json?: true | undefined;
}

/**
 * Changes what a model's endpoint serves: says first what that means, or why it can't be, then follows it to its end. What was said is what
 * is done: if something else is live by the time, the change refuses.
 */
export async function changeEndpoint(
  context: Context,
  model: string,
  wish: Pick<ChangeRequest, 'kind' | 'to' | 'force'>,
  options: ChangeOptions,
): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const decision = decisionOf(options, terminal.env);
  await withClient(terminal, async (client) => {
    const { status } = await requireModel(client, terminal.env, model);
    const { definition, endpointHolder } = status;
    const plan = await ask(client, terminal, 'changePlan', model, { definition, request: wish });
    output.note(plan.summary);
    plan.warnings.forEach((warning) => output.note(`warning: ${warning}`));
    if (endpointHolder) output.note(`${endpointHolder} uses the endpoint: waiting until it is done`);
    const run = await start(client, model, {
      ...wish,
      ...(wish.kind === 'rollback' ? { to: plan.to.config } : {}),
      from: plan.from.config,
      ...decision,
    });
    await followReceipt(client, context, output, { run, state: 'started', position: 0 });
  });
}

async function start(client: Client, model: string, request: ChangeRequest): Promise<string> {
  const entity = client.workflow.getHandle(entityId(model));
  const { workflowId } = await client.withDeadline(Date.now() + ANSWER_MS, () =>
    entity.executeUpdate<{ workflowId: string }, [ChangeRequest]>(MESSAGES.changeEndpoint, { args: [request] }),
  );
  return workflowId;
}
