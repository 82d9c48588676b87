import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { TASK_QUEUE } from '../../contracts/names.js';
import { MESSAGES, type RunResult } from '../../contracts/runs.js';
import { packagePath } from '../../local/paths.js';
import type { LocalStack } from '../../local/index.js';
import { workflowBundle } from '../../worker/bundle.js';
import { quietRuntime, withOwnWorker } from '../support/own-worker.js';
import { completeAtOnce, withClient, withStack } from '../support/stack.js';
import { TrainingJobs } from '../support/training-jobs.js';
import { prepareSharedFiles, putArtifact, until, waitingDefinition, wantRuns } from '../support/waiting.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const FOLDER = packagePath('test', 'replay', 'histories');
/** Model whose training job ends only when it is told to. */
const HELD = 'held';
const WITHIN_MS = 60_000;

export const replay: Scenario = {
  name: 'replay',
  what: 'recorded histories that do not replay, and changes of order that are not caught, there and by a worker without a cache',
  unit: 'faults',
  limit: 0,
  bound: 'at most',
  measure: (context) =>
    withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client)), [
      'temporal',
      'aws',
      'postgres',
      'slack',
      'sagemaker',
    ]),
};

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What Temporal said. */
  readonly said?: string;
}

async function measure(context: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  const { say } = context;
  quietRuntime();
  const { codePath } = await workflowBundle(new DefaultLogger('ERROR'));
  const code = await readFile(codePath, 'utf8');
  const swapped = changeOrder(code);
  say('recorded histories …');
  const checks = [
    ...(await replayAll('replays', code, () => false)),
    ...(await replayAll('change of order', swapped, (name) => name.startsWith('retrain-'))),
  ];
  say('runs by a worker without a cache …');
  checks.push(...(await withoutCache(context, stack, client, swapped)));
  const faults = checks.filter(({ ok }) => !ok).length;
  return { figure: faults, ok: faults === 0 && checks.length > 3, detail: { checks } };
}

/** The same workflows, but a run tells its first stage after it has asked for the first activity instead of before. Exported for its test. */
export function changeOrder(code: string): string {
  const swapped = code.replace(/(run\.enter\(["']check data["']\);)((?:\s*const [^;]*;){3})/, '$2\n$1');
  if (swapped === code)
    throw new Error('The beginning of a run has changed: adapt the change of order of bench/scenarios/replay.ts');
  return swapped;
}

/** Replays every recorded history with this code; `caught` says which of them must be refused. */
async function replayAll(what: string, code: string, caught: (name: string) => boolean): Promise<Check[]> {
  const names = (await readdir(FOLDER)).map((file) => basename(file, '.json')).sort();
  const histories = await Promise.all(
    names.map(async (workflowId) => ({
      workflowId,
      history: JSON.parse(await readFile(join(FOLDER, `${workflowId}.json`), 'utf8')) as unknown,
    })),
  );
  const checks: Check[] = [];
  for await (const { workflowId: name, error } of Worker.runReplayHistories({ workflowBundle: { code } }, histories)) {
    const ok = caught(name) ? error?.name === 'DeterminismViolationError' : error === undefined;
    checks.push({ name: `${what}: ${name}`, ok, said: error && inShort(error.message) });
  }
  for (const missing of names.slice(checks.length)) checks.push({ name: `${what}: ${missing}`, ok: false });
  return checks;
}

/** A worker that caches nothing replays a run from its first event at each task: one to its end, and one whose code changes underneath. */
async function withoutCache(
  context: BenchContext,
  stack: LocalStack,
  client: Client,
  swapped: string,
): Promise<Check[]> {
  await prepareSharedFiles(stack);
  await completeAtOnce(stack);
  const jobs = await TrainingJobs.start({
    runsFor: (name) => (name.startsWith(HELD) ? Number.POSITIVE_INFINITY : 0),
    artifact: await putArtifact(stack),
    others: stack.urls.sagemaker,
  });
  const connection = await NativeConnection.connect({ address: stack.urls.temporal });
  const env = { ...stack.env, AWS_ENDPOINT_URL_SAGEMAKER: jobs.url };
  const own = { connection, taskQueue: TASK_QUEUE, maxCachedWorkflows: 0 };
  const runOf = async (model: string): Promise<WorkflowHandle<() => Promise<RunResult>>> => {
    const made = () => jobs.ofRuns.find(({ name }) => name.startsWith(model));
    await until(context, `the training job of ${model}`, () => made() !== undefined, WITHIN_MS);
    return client.workflow.getHandle(made()?.run ?? '');
  };
  try {
    const held = await withOwnWorker(env, own, async () => {
      const definitions = ['whole', HELD].map((name) => waitingDefinition(name, '1s'));
      await wantRuns(client, TASK_QUEUE, definitions, { trigger: 'manual' });
      const whole = await runOf('whole');
      const { outcome } = await whole.result();
      return { outcome, run: await runOf(HELD) };
    });
    const said = await withOwnWorker(env, { ...own, workflowBundle: { code: swapped } }, async () => {
      // Any message makes a task; this one tells the run what it will be told anyway.
      await held.run.signal(MESSAGES.endpointGranted);
      let refusal: string | undefined;
      const refused = async () => (refusal = await refusalOf(held.run)) !== undefined;
      await until(context, 'a task refused', refused, WITHIN_MS).catch(() => context.signal.throwIfAborted());
      return refusal;
    });
    const after = await withOwnWorker(env, own, async () => {
      for (const { name } of jobs.ofRuns.filter((job) => job.name.startsWith(HELD))) jobs.finish(name);
      return held.run.result();
    });
    return [
      { name: 'no cache: a run to its end', ok: held.outcome === 'Deployed', said: held.outcome },
      { name: 'no cache: change of order', ok: said?.startsWith('[TMPRL1100]') === true, said },
      { name: 'no cache: the right code again', ok: after.outcome === 'Deployed', said: after.outcome },
    ];
  } finally {
    await connection.close();
    await jobs.close();
  }
}

/** Why a task of the run was refused, if one was. */
async function refusalOf(run: WorkflowHandle): Promise<string | undefined> {
  const { events } = await run.fetchHistory();
  const failed = events?.find((event) => event.workflowTaskFailedEventAttributes);
  return inShort(failed?.workflowTaskFailedEventAttributes?.failure?.message ?? undefined);
}

/** Of Temporal's words those that say what doesn't fit. */
const inShort = (message: string | undefined) => /\[TMPRL\d+\][^"\\\n]*/.exec(message ?? '')?.[0] ?? message;
