import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { S3Client } from '@aws-sdk/client-s3';
import { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import type { Outcome, RunReceipt, RunResult } from '../../contracts/runs.js';
import { awsSettings, prepareAccount, s3Client, sagemakerClient, type Env } from '../../examples/demo/account.js';
import { uploadDays } from '../../examples/demo/bucket.js';
import { perennial, perennialOk, type CliAnswer } from '../../examples/demo/perennial.js';
import { buildWeather } from '../../examples/seattle-weather/data.js';
import { packagePath } from '../../local/paths.js';
import { answers } from '../../local/services/service.js';
import { exists, until } from '../support/local.js';

const BUCKET = 'perennial-e2e';
const KEY_ALIAS = 'alias/perennial-e2e';
const TOKEN_PARAMETER = '/perennial-e2e/slack-token';
export const weather = buildWeather();

/** What `perennial run --follow --json` prints. */
export interface FollowedRun extends RunReceipt {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly result?: RunResult;
}

interface SlackMessage {
  readonly channel: string;
  readonly text: string;
  readonly ts: string;
  readonly threadTs?: string;
  readonly blocks: readonly object[];
}

const program = packagePath('bin', 'perennial.mjs');

/** The command line as a person runs it: a process of its own. Answers with what it printed. */
export async function shell(args: readonly string[], env: Env = {}, within: readonly string[] = []): Promise<unknown> {
  const [command = '', ...rest] = [...within, process.execPath, program, ...args, '--json'];
  const { stdout } = await promisify(execFile)(command, rest, { env: { ...process.env, ...env } });
  return JSON.parse(stdout);
}

async function leave(stateDir: string, pid?: number): Promise<void> {
  // Where it cannot be seen from here, its folder doesn't lead to it.
  if (pid === undefined) await shell(['down', '--state-dir', stateDir]);
  else {
    process.kill(pid, 'SIGTERM');
    await until('local mode is stopped', async () => !(await exists(pid)), 60_000);
  }
  await rm(stateDir, { recursive: true, force: true });
}

/** Local mode as `perennial up` starts it, and what the tests of a file need of it. */
export class Setting {
  private constructor(
    readonly stateDir: string,
    /** Of the supervisor. */
    readonly pid: number,
    private readonly hidden: boolean,
    readonly env: Env,
    private readonly urls: Readonly<Record<string, string>>,
    readonly client: Client,
    readonly s3: S3Client,
    readonly sagemaker: SageMakerClient,
    readonly runtime: SageMakerRuntimeClient,
  ) {}

  /** @param within a command that runs the command after it, for a view of the file system of its own */
  static async start(within: (stateDir: string) => readonly string[] = () => []): Promise<Setting> {
    const stateDir = await mkdtemp(join(tmpdir(), 'perennial-e2e-'));
    const ports = [
      'temporal',
      'ui',
      'aws',
      'sagemaker',
      'slack',
      'redshift',
      'postgres',
      'warehouse',
      'workerHealth',
      'workerMetrics',
    ];
    const free = ports.flatMap((name) => ['--port', `${name}=0`]);
    const enter = within(stateDir);
    const hidden = enter.length > 0;
    const up = await shell(['up', '--detach', '--state-dir', stateDir, ...free], {}, enter);
    const { env, urls, pid } = up as { env: Env; urls: Record<string, string>; pid: number };
    try {
      await prepareAccount(env, {
        bucket: BUCKET,
        keyAlias: KEY_ALIAS,
        slack: { tokenParameter: TOKEN_PARAMETER, token: 'xoxb-local' },
      });
      const client = new Client({ connection: await Connection.connect({ address: urls['temporal'] }) });
      const runtime = new SageMakerRuntimeClient(awsSettings(env, 'SAGEMAKER_RUNTIME'));
      return new Setting(stateDir, pid, hidden, env, urls, client, s3Client(env), sagemakerClient(env), runtime);
    } catch (error) {
      await leave(stateDir, hidden ? pid : undefined);
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.client.connection.close();
    for (const one of [this.s3, this.sagemaker, this.runtime]) one.destroy();
    await leave(this.stateDir, this.hidden ? this.pid : undefined);
  }

  /** Writes a definition's file and answers with its path. */
  async file(name: string, changes: Partial<DefinitionInput> = {}): Promise<string> {
    const definition: DefinitionInput = {
      name,
      role: 'arn:aws:iam::000000000000:role/sagemaker-execution',
      data: { bucket: BUCKET, window: 'P20Y' },
      training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
      encryption: { key: KEY_ALIAS },
      waiting: { poll: '1s' },
      notify: { slack: { channel: `#${name}`, tokenParameter: TOKEN_PARAMETER } },
      ...changes,
    };
    const path = join(this.stateDir, `${name}.yaml`);
    await writeFile(path, stringify(definition));
    return path;
  }

  /** Days of weather by their index, as the model's training data. */
  async upload(model: string, from: number, to: number): Promise<void> {
    const target = { bucket: BUCKET, prefix: `data/${model}/train/`, keyAlias: KEY_ALIAS };
    await uploadDays(this.s3, target, weather.slice(from, to));
  }

  /** A model with thirty days of data, applied. */
  async model(name: string, changes: Partial<DefinitionInput> = {}): Promise<void> {
    await this.upload(name, 0, 30);
    await perennialOk(['apply', await this.file(name, changes)], { env: this.env });
  }

  cli(...args: string[]): Promise<CliAnswer> {
    return perennial(args, { env: this.env });
  }

  /** `perennial run <model> --follow` to its end. */
  async run(model: string, ...flags: string[]): Promise<FollowedRun> {
    const { value, said } = await this.cli('run', model, '--follow', ...flags);
    if (value === undefined) throw new Error(`run ${model} printed nothing: ${said}`);
    return value as FollowedRun;
  }

  /** Starts a run and does not wait. */
  async request(model: string, ...flags: string[]): Promise<RunReceipt> {
    return (await perennialOk(['run', model, ...flags], { env: this.env })) as RunReceipt;
  }

  /** A rule of the local SageMaker's control surface. */
  async rule(rule: object): Promise<void> {
    const response = await fetch(`${this.urls['sagemaker']}/_local/rules`, {
      method: 'POST',
      body: JSON.stringify(rule),
    });
    if (!response.ok) throw new Error(`rule refused: ${await response.text()}`);
  }

  /** Ends the delays of a rule: what it holds back goes on. */
  async endDelays(id: string): Promise<void> {
    const response = await fetch(`${this.urls['sagemaker']}/_local/rules/${id}/end`, { method: 'POST' });
    if (!response.ok) throw new Error(`rule ${id} has no delays to end: ${await response.text()}`);
  }

  /** Whether every service answers that has a page to ask. */
  async answers(): Promise<boolean> {
    const { sagemaker, slack, aws, ui, workerHealth } = this.urls;
    const own = [sagemaker, slack].map((url) => `${url}/_local/health`);
    const pages = [...own, `${aws}/_ministack/health`, `${ui}/api/v1/namespaces/default`, String(workerHealth)];
    return (await Promise.all(pages.map((page) => answers(page)))).every(Boolean);
  }

  /** What the supervisor has said since it began. */
  supervisorLog(): Promise<string> {
    return readFile(join(this.stateDir, 'logs', 'supervisor.log'), 'utf8');
  }

  /** What the model's Slack channel holds, oldest first. */
  async slack(model: string): Promise<SlackMessage[]> {
    const { messages } = (await (await fetch(`${this.urls['slack']}/messages`)).json()) as { messages: SlackMessage[] };
    return messages.filter(({ channel }) => channel === `#${model}`);
  }
}
