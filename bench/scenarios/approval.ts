import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { DescribeEndpointCommand, type SageMakerClient } from '@aws-sdk/client-sagemaker';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Approval, Decision } from '../../contracts/evaluation.js';
import { TASK_QUEUE, entityId } from '../../contracts/names.js';
import { MESSAGES, WORKFLOWS, type RunProgress, type RunReceipt, type RunResult } from '../../contracts/runs.js';
import { awsSettings, s3Client, sagemakerClient } from '../../examples/demo/account.js';
import type { LocalStack } from '../../local/index.js';
import { withImage } from '../support/images.js';
import { prepareBenchAccount } from '../support/models.js';
import { OFFSET_IMAGE, offsetDefinition, offsetRows, putDay } from '../support/offsets.js';
import { quietRuntime, withOwnWorker } from '../support/own-worker.js';
import { withSkippingServer } from '../support/skipping.js';
import { withStack } from '../support/stack.js';
import { until } from '../support/waiting.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const DAY_MS = 86_400_000;
const WAIT_DAYS = 30;
const TIMEOUT = '40d';

const CASES = [
  { name: 'approved', decision: { approve: true, by: 'ada', note: 'seen by the team' }, outcome: 'Deployed' },
  { name: 'rejected', decision: { approve: false, by: 'ada', note: 'not before the audit' }, outcome: 'Rejected' },
  { name: 'timed out', decision: undefined, outcome: 'Rejected' },
] as const;
type Case = (typeof CASES)[number];

export const approval: Scenario = {
  name: 'approval',
  what: 'runs that wait 30 days for a person (approved, rejected, timed out) and end otherwise than they should',
  unit: 'runs',
  limit: 0,
  bound: 'at most',
  measure: (context) =>
    withImage(OFFSET_IMAGE, () =>
      withStack(
        context,
        async (stack) => {
          await prepareBenchAccount(stack);
          quietRuntime();
          return withSkippingServer(context, (env) => measure(context, stack, env));
        },
        ['aws', 'postgres', 'slack', 'sagemaker'],
      ),
    ),
};

interface Setting extends BenchContext {
  readonly env: TestWorkflowEnvironment;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly sagemaker: SageMakerClient;
}

async function measure(context: BenchContext, stack: LocalStack, env: TestWorkflowEnvironment): Promise<Measured> {
  const ssm = new SSMClient(awsSettings(stack.env));
  const setting = { ...context, env, s3: s3Client(stack.env), sagemaker: sagemakerClient(stack.env), ssm };
  const own = { connection: env.nativeConnection, namespace: env.namespace, taskQueue: TASK_QUEUE };
  try {
    return await withOwnWorker(stack.env, own, async () => {
      const seen = [];
      for (const one of CASES) {
        context.signal.throwIfAborted();
        const run = await played(one, setting);
        context.say(`${one.name}: ${run.outcome}${run.faults.length > 0 ? `, but not: ${run.faults.join('; ')}` : ''}`);
        seen.push(run);
      }
      const wrong = seen.filter(({ faults }) => faults.length > 0).length;
      return { figure: wrong, ok: wrong === 0, detail: { waitDays: WAIT_DAYS, runs: seen } };
    });
  } finally {
    for (const one of [setting.s3, ssm, setting.sagemaker]) one.destroy();
  }
}

/** The first deployment of a model of its own, up to the decision of a person. */
async function played({ name, decision, outcome }: Case, setting: Setting) {
  const { env, s3 } = setting;
  const definition = offsetDefinition(`approval-${name.replace(' ', '-')}`, {
    gate: { max: 5 },
    approval: 'required',
    approvalTimeout: TIMEOUT,
  });
  await putDay(
    s3,
    definition.name,
    'train',
    '2026-01-01',
    offsetRows(20, () => 1),
  );
  await putDay(
    s3,
    definition.name,
    'test',
    '2026-01-01',
    offsetRows(20, () => 0),
  );
  const entity = await env.client.workflow.start(WORKFLOWS.model, {
    taskQueue: TASK_QUEUE,
    workflowId: entityId(definition.name),
    args: [{ name: definition.name, definition }],
  });
  const { run } = await entity.executeUpdate<RunReceipt, [object]>(MESSAGES.requestRun, {
    args: [{ trigger: 'manual' }],
  });
  const handle = env.client.workflow.getHandle<() => Promise<RunResult>>(run);
  await until(setting, `${run} asks a person`, async () => (await progressOf(handle))?.decideBy !== undefined, 120_000);
  // Slack's question goes out beside the wait.
  await until(setting, `${run} has nothing under way`, () => stands(handle), 60_000);
  const asked = await eventsOf(handle);
  await env.sleep(WAIT_DAYS * DAY_MS);
  const waited = await eventsOf(handle);
  const answer = decision && (await handle.executeUpdate<Approval, [Decision]>(MESSAGES.decide, { args: [decision] }));
  const result = await handle.result();
  const [parameter, endpoint] = await Promise.all([
    parameterOf(setting, definition.data.parameter),
    endpointOf(setting, definition.endpoint.name),
  ]);
  const deployed = outcome === 'Deployed';
  const checks: Record<string, boolean> = {
    [`the run is ${outcome}`]: result.outcome === outcome,
    'no event came in 30 days': waited === asked,
    'the decision is recorded': result.evaluation?.approval?.decision === name,
    'with who made it and why':
      result.evaluation?.approval?.by === decision?.by && result.evaluation?.approval?.note === decision?.note,
    'the person was told': decision === undefined || answer?.decision === name,
    'the endpoint serves it, or is not there': (endpoint !== undefined) === deployed,
    'the SSM parameter follows the endpoint': (parameter !== undefined) === deployed,
  };
  const faults = Object.keys(checks).filter((check) => !checks[check]);
  const { approval: recorded } = result.evaluation ?? {};
  return { name, outcome: result.outcome, reason: result.reason, recorded, asked, waited, faults };
}

const progressOf = (handle: WorkflowHandle) =>
  handle.query<RunProgress>(MESSAGES.progress).catch((error: unknown) => {
    // The entity starts its run a moment after it has promised it.
    if (/not found/i.test(String(error))) return undefined;
    throw error;
  });

/** Whether a run has nothing under way but timers, now and a second later. */
async function stands(handle: WorkflowHandle): Promise<boolean> {
  const before = await eventsOf(handle);
  const { raw } = await handle.describe();
  await sleep(1_000);
  return (raw.pendingActivities?.length ?? 0) === 0 && (await eventsOf(handle)) === before;
}

async function eventsOf(handle: WorkflowHandle): Promise<number> {
  return (await handle.fetchHistory()).events?.length ?? 0;
}

async function parameterOf({ ssm }: Setting, Name: string): Promise<string | undefined> {
  try {
    return (await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value;
  } catch (error) {
    if ((error as Error).name === 'ParameterNotFound') return undefined;
    throw error;
  }
}

async function endpointOf({ sagemaker }: Setting, EndpointName: string): Promise<string | undefined> {
  try {
    return (await sagemaker.send(new DescribeEndpointCommand({ EndpointName }))).EndpointConfigName;
  } catch (error) {
    if (/Could not find endpoint/.test(String(error))) return undefined;
    throw error;
  }
}
