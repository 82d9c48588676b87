import { DescribeEndpointCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';
import {
  ListEndpointConfigsCommand,
  ListModelsCommand,
  ListTrainingJobsCommand,
  type DescribeEndpointOutput,
} from '@aws-sdk/client-sagemaker';
import { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import {
  createDataActivities,
  createEndpointActivities,
  createEvaluationActivities,
  createOrphanActivities,
  createRecordActivities,
  createResumeActivities,
  createTrainingActivities,
} from '../../activities/index.js';
import { keyedHashes } from '../../activities/keyed-hashes.js';
import type { Activities } from '../../contracts/activities.js';
import type { Notice } from '../../contracts/notices.js';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { compactTime, entityId, outcomeKey, parseRunId } from '../../contracts/names.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { MESSAGES, type RunReceipt, type RunRequest } from '../../contracts/runs.js';
import { REGION, SageMakerWorld } from '../activities/support/local-sagemaker.js';
import { readText } from '../../activities/s3/objects.js';
import { awsClients } from './aws.js';
import { devServerEnvironment } from './dev-server.js';
import { script, type Script } from './scripted-activities.js';
import { testWorker } from './worker.js';

/** How often a run that its entity is about to start is looked for, and how far apart. */
const MOST_LOOKS = 200;
const LOOK_MS = 50;

/** A call that stands still until it is released. */
export interface Held {
  /** Resolves when the call is under way. */
  readonly reached: Promise<void>;
  release(): void;
}

interface Hold {
  readonly command: string;
  readonly when: 'before' | 'after';
  reach(): void;
  readonly released: Promise<void>;
}

/**
 * The real workflows and activities over the dev server, MiniStack and a local SageMaker, in this process; Slack and the ledger are
 * scripted. Any AWS call can be held up, before its effect or after it.
 */
export class RunWorld {
  private holds: Hold[] = [];
  private readonly scripted: Script = script();
  private worker?: { readonly it: Worker; readonly ended: Promise<void> };
  readonly taskQueue = `run-world-${randomUUID()}`;

  private constructor(
    readonly temporal: TestWorkflowEnvironment,
    readonly aws: SageMakerWorld,
  ) {}

  static async make(): Promise<RunWorld> {
    const [temporal, aws] = await Promise.all([devServerEnvironment(), SageMakerWorld.make()]);
    const world = new RunWorld(temporal, aws);
    await world.startWorker();
    return world;
  }

  async startWorker(): Promise<void> {
    const it = await testWorker({
      connection: this.temporal.nativeConnection,
      ...(this.temporal.namespace ? { namespace: this.temporal.namespace } : {}),
      taskQueue: this.taskQueue,
      activities: this.activities(),
    });
    this.worker = { it, ended: it.run() };
  }

  async stopWorker(): Promise<void> {
    this.worker?.it.shutdown();
    await this.worker?.ended;
    this.worker = undefined;
  }

  async close(): Promise<void> {
    await this.stopWorker();
    await this.temporal.teardown();
    await this.aws.close();
  }

  private activities(): Activities {
    const { s3, ssm, kms } = awsClients(inject('aws').endpoint);
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const config = { endpoint: this.aws.local.url, region: REGION, credentials };
    const sagemaker = new SageMakerClient(config);
    const sagemakerRuntime = new SageMakerRuntimeClient(config);
    for (const { middlewareStack } of [s3, ssm, sagemaker, sagemakerRuntime]) this.watch(middlewareStack as never);
    const clients = { s3, ssm, kms, sagemaker, sagemakerRuntime, region: REGION, hashes: keyedHashes(ssm) };
    const data = createDataActivities(clients);
    return {
      ...this.scripted.activities,
      ...data,
      ...createTrainingActivities(clients),
      ...createEndpointActivities(clients),
      ...createEvaluationActivities(clients),
      ...createRecordActivities(clients),
      ...createOrphanActivities(clients),
      ...createResumeActivities({ ...clients, checkData: (input) => data.checkData(input) }),
    };
  }

  private watch(stack: SageMakerClient['middlewareStack']): void {
    stack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          await this.pass('before', commandName);
          const answer = await next(args);
          await this.pass('after', commandName);
          return answer;
        },
      { step: 'initialize', name: 'holds' },
    );
  }

  private async pass(when: Hold['when'], commandName: string): Promise<void> {
    const hold = this.holds.find((one) => one.when === when && `${one.command}Command` === commandName);
    if (!hold) return;
    this.holds = this.holds.filter((one) => one !== hold);
    hold.reach();
    await hold.released;
  }

  /** Holds up the next call of an operation. */
  hold(command: string, when: Hold['when']): Held {
    let reach = (): void => undefined;
    let release = (): void => undefined;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    this.holds.push({ command, when, reach, released });
    return { reached, release };
  }

  /** What the command line sees of its environment. */
  get env(): NodeJS.ProcessEnv {
    const { address, namespace } = inject('temporal');
    return { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, PERENNIAL_TASK_QUEUE: this.taskQueue };
  }

  /** What Slack was told about a run, in order. */
  notices(run: string): Notice[] {
    return this.scripted.notices.filter(({ ref }) => ref.run === run);
  }

  /** A model of its own with a day of data, and its living entity. */
  async model(changes: Partial<DefinitionInput> = {}): Promise<string> {
    const name = `${this.aws.model}-${randomUUID().slice(0, 6)}`;
    await this.upload(name, '2026-01-01');
    await this.temporal.client.workflow.start('model', {
      taskQueue: this.taskQueue,
      workflowId: entityId(name),
      args: [{ name, definition: this.definition(name, changes) }],
    });
    return name;
  }

  definition(name: string, changes: Partial<DefinitionInput> = {}) {
    return this.aws.definition({
      name,
      waiting: { poll: '1s' },
      notify: { slack: { channel: '#models', tokenParameter: '/slack/token' } },
      ...changes,
    });
  }

  async upload(name: string, date: string, rows = '1.5,2,3\n2.5,3,4\n'): Promise<void> {
    await this.aws.put(`data/${name}/train/${date}.csv`, rows);
  }

  entity(model: string): WorkflowHandle {
    return this.temporal.client.workflow.getHandle(entityId(model));
  }

  async apply(model: string, changes: Partial<DefinitionInput>): Promise<void> {
    await this.entity(model).executeUpdate(MESSAGES.apply, { args: [this.definition(model, changes)] });
  }

  async request(model: string, request: Partial<RunRequest> = {}): Promise<string> {
    const { run } = await this.entity(model).executeUpdate<RunReceipt, [RunRequest]>(MESSAGES.requestRun, {
      args: [{ trigger: 'manual', ...request }],
    });
    return run;
  }

  run(run: string): WorkflowHandle {
    return this.temporal.client.workflow.getHandle(run);
  }

  /** How a run ended: its value, or the failure that it ended with. One that is queued, for a moment behind its predecessor's end, is waited for. */
  async end(run: string): Promise<unknown> {
    for (let looks = 1; ; looks += 1) {
      try {
        return await this.run(run).result();
      } catch (error) {
        if (error instanceof WorkflowFailedError) return error.cause;
        if (!(error instanceof WorkflowNotFoundError) || looks === MOST_LOOKS) throw error;
        await sleep(LOOK_MS);
      }
    }
  }

  /** Requests a run and waits for its end. */
  async play(model: string, request: Partial<RunRequest> = {}): Promise<{ run: string; end: unknown }> {
    const run = await this.request(model, request);
    return { run, end: await this.end(run) };
  }

  async outcome(run: string): Promise<OutcomeObject | undefined> {
    const { model = '', time = '' } = parseRunId(run) ?? {};
    const { bucket, output } = this.definition(model).data;
    const stored = await readText(this.aws.s3, bucket, outcomeKey(output, time));
    return stored && (JSON.parse(stored.body) as OutcomeObject);
  }

  /** Training jobs that a run made, with their status. */
  async jobs(run: string): Promise<{ name: string; status: string }[]> {
    const command = new ListTrainingJobsCommand({ NameContains: madeBy(run) });
    const { TrainingJobSummaries = [] } = await this.aws.sagemaker.send(command);
    return TrainingJobSummaries.map(({ TrainingJobName = '', TrainingJobStatus = '' }) => ({
      name: TrainingJobName,
      status: TrainingJobStatus,
    }));
  }

  /** Endpoint configs and models that a run made and that are there. */
  async deployments(run: string): Promise<string[]> {
    const filter = { NameContains: madeBy(run) };
    const [configs, models] = await Promise.all([
      this.aws.sagemaker.send(new ListEndpointConfigsCommand(filter)),
      this.aws.sagemaker.send(new ListModelsCommand(filter)),
    ]);
    return [
      ...(configs.EndpointConfigs ?? []).map(({ EndpointConfigName }) => `config ${EndpointConfigName}`),
      ...(models.Models ?? []).map(({ ModelName }) => `model ${ModelName}`),
    ];
  }

  /** The model's endpoint; undefined if there is none. */
  async endpoint(model: string): Promise<DescribeEndpointOutput | undefined> {
    return this.aws.sagemaker.send(new DescribeEndpointCommand({ EndpointName: model })).catch((error: Error) => {
      if (error.message.startsWith('Could not find endpoint')) return undefined;
      throw error;
    });
  }
}

/** What the names of all that a run makes begin with. */
function madeBy(run: string): string {
  const { model = '', time = '' } = parseRunId(run) ?? {};
  return `${model}-${compactTime(time)}`;
}
