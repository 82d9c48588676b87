import type { S3Client } from '@aws-sdk/client-s3';
import { DescribeEndpointCommand, ListTrainingJobsCommand, type SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { Client } from '@temporalio/client';
import type { Evaluation } from '../../contracts/evaluation.js';
import type { Outcome, RunResult } from '../../contracts/runs.js';
import { s3Client, sagemakerClient } from '../../examples/demo/account.js';
import type { LocalStack } from '../../local/index.js';
import { requestRun, endingOf } from '../support/endings.js';
import { withImage } from '../support/images.js';
import { applyDefinitions, prepareBenchAccount } from '../support/models.js';
import { OFFSET_IMAGE, offsetInput, offsetRows, putDay } from '../support/offsets.js';
import { withClient, withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MODEL = 'gate';
const TOLERANCE = 0.02;
const ROWS = 200;

interface Step {
  readonly what: string;
  /** How far the labels of the new day lie above the truth; its average is the model's error on the clean test rows. */
  readonly above: (index: number) => number;
  readonly outcome: Outcome;
  /** What the reason of a rejection has to name. */
  readonly names?: readonly string[];
}

const alternating = (low: number, high: number) => (index: number) => (index % 2 === 0 ? low : high);

const STEPS: readonly Step[] = [
  { what: 'the first model, with none to compare', above: () => 1, outcome: 'Deployed' },
  {
    what: 'a worse one: noise on the labels',
    above: alternating(-4, 10),
    outcome: 'Rejected',
    names: ['mae 3', "live model's 1 "],
  },
  { what: 'a hair within the tolerance', above: () => 1.0199, outcome: 'Deployed' },
  {
    what: 'a hair beyond it',
    above: () => 1.0404,
    outcome: 'Rejected',
    names: ['mae 1.0404', "live model's 1.0199"],
  },
  { what: 'a better one', above: () => 0.5, outcome: 'Deployed' },
];

export const gate: Scenario = {
  name: 'gate',
  what: 'candidates (worse by label noise, and on either side of the tolerance) that end otherwise than they should, or leave a trace',
  unit: 'candidates',
  limit: 0,
  bound: 'at most',
  measure: (context) =>
    withImage(OFFSET_IMAGE, () =>
      withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client))),
    ),
};

interface Setting extends BenchContext {
  readonly stack: LocalStack;
  readonly client: Client;
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
}

async function measure(context: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  await prepareBenchAccount(stack);
  const s3 = s3Client(stack.env);
  const sagemaker = sagemakerClient(stack.env);
  try {
    await putDay(
      s3,
      MODEL,
      'test',
      '2026-01-01',
      offsetRows(ROWS, () => 0),
    );
    await applyDefinitions(stack, [offsetInput(MODEL, { gate: { max: 5, noWorseThanLive: TOLERANCE } })]);
    const seen = [];
    for (const [index, step] of STEPS.entries()) {
      context.signal.throwIfAborted();
      const date = `2026-01-${String(index + 1).padStart(2, '0')}`;
      const one = await played(step, date, { ...context, stack, client, s3, sagemaker });
      context.say(`${step.what}: ${one.outcome}${one.faults.length > 0 ? `, but not: ${one.faults.join('; ')}` : ''}`);
      seen.push(one);
    }
    const wrong = seen.filter(({ faults }) => faults.length > 0).length;
    return { figure: wrong, ok: wrong === 0, detail: { tolerance: TOLERANCE, candidates: seen } };
  } finally {
    s3.destroy();
    sagemaker.destroy();
  }
}

/** One candidate and the schedule's next run, and what is wrong about either. */
async function played({ what, above, outcome, names = [] }: Step, date: string, setting: Setting) {
  const { client, s3 } = setting;
  await putDay(s3, MODEL, 'train', date, offsetRows(ROWS, above));
  const before = await liveConfig(setting);
  const run = await requestRun(client, MODEL, { trigger: 'schedule' });
  const ending = await endingOf(client, run);
  const { evaluation, warnings } = (await client.workflow.getHandle<() => Promise<RunResult>>(run).result()) ?? {};
  const after = await liveConfig(setting);
  const told = await slackText(setting, run);
  const jobs = await trainingJobs(setting);
  const next = await endingOf(client, await requestRun(client, MODEL, { trigger: 'schedule' }));
  const rejected = outcome === 'Rejected';
  const checks: Record<string, boolean> = {
    [`the run is ${outcome}`]: ending.outcome === outcome,
    'the figures are those that the data makes': isNear(evaluation, above),
    'the reason names the figures': names.every((words) => ending.reason.includes(words)),
    'nothing is warned of': warnings.length === 0,
    [rejected ? 'the endpoint is untouched' : 'the endpoint serves the candidate']: rejected
      ? after === before && before !== undefined
      : after === ending.endpointConfig,
    'Slack says how it ended, and why': told.includes(ending.reason.slice(0, 60)),
    "the schedule's next run finds NoNewData": next.outcome === 'NoNewData',
    'and trains nothing': (await trainingJobs(setting)) === jobs,
    'and says why': !rejected || (next.reason.includes(run) && next.reason.includes('rejected')),
  };
  const faults = Object.keys(checks).filter((check) => !checks[check]);
  return { what, run, outcome: ending.outcome, reason: ending.reason, evaluation, before, after, next, faults };
}

/** The model's error is the average of what the labels lie above the truth, as the test rows are clean. */
function isNear(evaluation: Evaluation | undefined, above: (index: number) => number): boolean {
  const errors = Array.from({ length: ROWS }, (_none, index) => above(index));
  const wanted = errors.reduce((sum, error) => sum + error, 0) / ROWS;
  return Math.abs((evaluation?.candidate.metrics.mae ?? Number.NaN) - wanted) < 1e-9;
}

async function liveConfig({ sagemaker }: Setting): Promise<string | undefined> {
  try {
    return (await sagemaker.send(new DescribeEndpointCommand({ EndpointName: MODEL }))).EndpointConfigName;
  } catch (error) {
    if (/Could not find endpoint/.test(String(error))) return undefined;
    throw error;
  }
}

async function trainingJobs({ sagemaker }: Setting): Promise<number> {
  const { TrainingJobSummaries = [] } = await sagemaker.send(new ListTrainingJobsCommand({ MaxResults: 100 }));
  return TrainingJobSummaries.length;
}

/** Everything that Slack's sink got about a run. */
async function slackText({ stack }: Setting, run: string): Promise<string> {
  const answer = await fetch(`${stack.urls.slack}/messages`);
  const { messages } = (await answer.json()) as { messages: { text: string; blocks?: object[] }[] };
  return messages
    .filter((message) => JSON.stringify(message).includes(run))
    .map(({ text }) => text)
    .join('\n');
}
