import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Definition } from '../contracts/definition/index.js';
import { ask } from './ask.js';
import { requireWorker } from './connect.js';
import { usageError } from './errors.js';
import { lastDefinition } from './models.js';
import type { Terminal } from './terminal.js';

type Question = 'compareRuns' | 'collectReport' | 'readLogs';

/** The last definition of a model, be it removed; undefined where Temporal has forgotten it. */
export async function definitionOf(
  client: Client,
  env: NodeJS.ProcessEnv,
  model: string,
): Promise<Definition | undefined> {
  await requireWorker(client, env);
  try {
    return await lastDefinition(client, model);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** The definition of the first of these models that Temporal knows: its bucket and key are what an answer about them is written with. */
export async function firstDefinition(
  client: Client,
  env: NodeJS.ProcessEnv,
  models: readonly string[],
): Promise<Definition> {
  for (const model of models) {
    const definition = await definitionOf(client, env, model);
    if (definition) return definition;
  }
  throw usageError(
    `Temporal knows no definition of ${models.join(', ')}, which says where the answer may be kept on its way: \`perennial apply\` one`,
  );
}

/**
 * Asks the worker a question whose answer travels as an exchange object, which is deleted after, whatever happens.
 * @throws Interrupted
 */
export async function askForObject<T>(
  client: Client,
  terminal: Terminal,
  question: Question,
  input: Parameters<typeof ask<Question>>[4],
): Promise<T> {
  // The S3 client takes a while to load: only these commands pay for it.
  const { placeOf, withExchange } = await import('./exchange.js');
  const { definition } = input;
  return withExchange(terminal, placeOf(definition), async (exchange, interrupt) => {
    const { outputUri } = exchange;
    await ask(client, { env: terminal.env }, question, definition.name, { ...input, outputUri }, interrupt);
    return JSON.parse(await exchange.read()) as T;
  });
}
