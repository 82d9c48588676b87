import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { endpointDeletionId, entityId } from '../../contracts/names.js';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import type { EndpointDeletionInput, EndpointDeletionResult } from '../../contracts/runs.js';
import { requireWorker, taskQueue, withClient } from '../connect.js';
import { CliError, usageError } from '../errors.js';
import { findModel, lastDefinition, unknownModel } from '../models.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

async function confirm({ terminal }: Context, endpoint: string, model: string): Promise<void> {
  if (!terminal.inIsTty || !terminal.errIsTty)
    throw usageError(`this deletes the endpoint ${endpoint} and ends its service: give --yes to confirm`);
  const answer = await terminal.ask(`Delete the endpoint ${endpoint} and end its service? Type the model's name: `);
  if (answer.trim() !== model) throw new CliError('not confirmed: nothing was deleted');
}

/** The last definition of a model that was removed: its endpoint may serve and bill still. Temporal remembers it for the retention time. */
async function removedModel(client: Client, env: NodeJS.ProcessEnv, model: string): Promise<Definition> {
  try {
    await requireWorker(client, env);
    return await lastDefinition(client, model);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw await unknownModel(client, model);
    throw error;
  }
}

/** By the entity, which waits for whoever uses the endpoint; undefined if the entity has just come to its end. */
async function deleteByEntity(client: Client, model: string): Promise<string | undefined> {
  const entity = client.workflow.getHandle(entityId(model));
  try {
    return (await entity.executeUpdate<{ workflowId: string }, []>(MESSAGES.deleteEndpoint)).workflowId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Without an entity there is no run that could use the endpoint, and no lock to wait for. */
async function deleteAlone(client: Client, env: NodeJS.ProcessEnv, definition: Definition): Promise<string> {
  const input: EndpointDeletionInput = { definition };
  const { workflowId } = await client.workflow.start(WORKFLOWS.endpointDeletion, {
    workflowId: endpointDeletionId(definition.name, new Date().toISOString()),
    taskQueue: taskQueue(env),
    args: [input],
    staticSummary: `delete endpoint ${definition.endpoint.name}`,
  });
  return workflowId;
}

/** `endpoint delete`. */
export function endpointCommand(context: Context): void {
  context.program
    .command('endpoint')
    .description("a model's endpoint")
    .command('delete')
    .description(
      'delete the endpoint of a model, which ends its service and its bill; the next deployment creates it anew',
    )
    .argument('<model>', 'name of the model')
    .option('--yes', 'do not ask')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('endpoint delete weather', 'endpoint delete weather --yes --json'))
    .action(async (model, { yes, ...options }) => {
      const { terminal } = context;
      const output = outputOf(context, options);
      await withClient(terminal, async (client) => {
        const living = await findModel(client, terminal.env, model);
        const definition = living?.definition ?? (await removedModel(client, terminal.env, model));
        const { name } = definition.endpoint;
        if (!yes) await confirm(context, name, model);
        if (living?.endpointHolder) output.note(`${living.endpointHolder} uses the endpoint: waiting until it is done`);
        output.note(`deleting ${name}`);
        const workflowId =
          (living && (await deleteByEntity(client, model))) ?? (await deleteAlone(client, terminal.env, definition));
        const deletion = client.workflow.getHandle<() => Promise<EndpointDeletionResult>>(workflowId);
        const { endpoint, existed } = await deletion.result();
        output.result({ model, endpoint, existed, workflowId }, () =>
          existed ? `deleted ${endpoint}` : `there was no endpoint ${endpoint}`,
        );
      });
    });
}
