import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { LedgerAnswer, LedgerQuery, Questions } from '../contracts/questions.js';
import { WORKFLOWS } from '../contracts/runs.js';
import { requireWorker, taskQueue } from './connect.js';
import { answerOf, unlessInterrupted } from './question.js';
import type { Terminal } from './terminal.js';

/** Who asks: `err` is told what a long wait is for. */
export type Asker = Pick<Terminal, 'env'> & Partial<Pick<Terminal, 'err'>>;

/** A worker that has begun with these is not stopped half-way: what it does is to be recorded. */
const GOES_ON: readonly (keyof Questions)[] = ['liftTombstones'];

/**
 * Has the worker answer a question by a short workflow, where the rights and the ledger are.
 * @param subject what the workflow's id names beside the question: a model, or the kind of query
 * @param interrupt withdraws the question
 * @throws Interrupted
 */
export async function ask<K extends keyof Questions>(
  client: Client,
  { env, err }: Asker,
  question: K,
  subject: string,
  input: Questions[K][0],
  interrupt?: AbortSignal,
): Promise<Questions[K][1]> {
  await requireWorker(client, env);
  interrupt?.throwIfAborted();
  const queue = taskQueue(env);
  const handle = await client.workflow.start(WORKFLOWS[question], {
    workflowId: `${question}/${subject}/${randomUUID()}`,
    taskQueue: queue,
    args: [input],
    workflowExecutionTimeout: timeLimit(question, input),
  });
  const answer = answerOf<Questions[K][1]>(handle, queue, err && ((text) => err(`${text}\n`)));
  return interrupt ? unlessInterrupted(handle, answer, interrupt, GOES_ON.includes(question)) : answer;
}

/** What the ledger answers to a query, with its kind's own type. */
export async function askLedger<K extends LedgerQuery['kind']>(
  client: Client,
  env: NodeJS.ProcessEnv,
  query: Extract<LedgerQuery, { kind: K }>,
): Promise<Extract<LedgerAnswer, { kind: K }>> {
  return (await ask(client, { env }, 'ledgerQuery', query.kind, query)) as Extract<LedgerAnswer, { kind: K }>;
}

/** The longest that a question may stay open. Those that read everything take their time. */
function timeLimit(question: keyof Questions, input: Questions[keyof Questions][0]): '5m' | '1h' | '6h' {
  if (['orphans', 'purgePlan', 'auditVerify', 'certify', 'findErased', 'lineage', 'liftTombstones'].includes(question))
    return '1h';
  return ['reconcile', 'purgeForget'].includes(question) || ('kind' in input && input.kind === 'rebuild') ? '6h' : '5m';
}
