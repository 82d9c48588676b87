import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { TAGS } from '../../contracts/names.js';
import { forward } from './forward.js';

type Input = Readonly<Record<string, unknown>>;

/** A training job without a process. Times in epoch milliseconds, by the clock of `TrainingJobs`. */
interface Job {
  readonly name: string;
  readonly request: Input;
  readonly created: number;
  ended?: number;
}

/** A call as it came in; `at` is this machine's clock. */
export interface Call {
  readonly operation: string;
  readonly at: number;
  readonly job?: string;
  /** Of a listing: whether it asks for a page after the first. */
  readonly further?: boolean;
}

interface Options {
  /** SageMaker's clock, this machine's by default. */
  readonly now?: () => number;
  /** How long a job runs that nobody ends, in milliseconds; for ever by default. */
  readonly runsFor?: (name: string) => number;
  /** Artefact of every job that completes. */
  readonly artifact?: string;
  /** Address of a SageMaker that answers everything that isn't about training jobs. */
  readonly others?: string;
}

const ARN = 'arn:aws:sagemaker:us-east-1:000000000000:training-job';
const MOST_A_PAGE = 100;

/** An error as SageMaker sends it. */
class Refusal extends Error {}

/**
 * SageMaker's training jobs on the wire, with jobs that run nothing: they are what a script says, and every call is written down.
 * Listings are AWS's: LastModifiedTimeAfter, order of creation, at most 100 a page, the clock in the Date header.
 */
export class TrainingJobs {
  readonly calls: Call[] = [];
  /** Every running job counts as changed at each listing: the most that a listing can be made to hold. */
  restless = false;
  /** Listings wait for this before they are answered. */
  gate: Promise<void> | undefined;
  private readonly jobs = new Map<string, Job>();

  private constructor(
    private readonly server: Server,
    private readonly options: Options,
  ) {}

  static async start(options: Options = {}): Promise<TrainingJobs> {
    const server = createServer();
    const jobs = new TrainingJobs(server, options);
    server.on('request', (request, response) => {
      jobs.serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return jobs;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The jobs that runs have made: name and workflow id. */
  get ofRuns(): { name: string; run: string }[] {
    return [...this.jobs.values()].flatMap(({ name, request }) => {
      const tags = (request['Tags'] ?? []) as { Key: string; Value: string }[];
      const run = tags.find(({ Key }) => Key === TAGS.run)?.Value;
      return run === undefined ? [] : [{ name, run }];
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Jobs that somebody else runs in the account. */
  addForeign(count: number): void {
    for (let index = 0; index < count; index += 1) this.add(`foreign-${index}`, {});
  }

  /** Completes a job and answers with when, by SageMaker's clock. */
  finish(name: string): number {
    const job = this.find(name);
    job.ended = this.now();
    return job.ended;
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }

  private add(name: string, request: Input): void {
    this.jobs.set(name, { name, request, created: this.now() });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const operation = String(request.headers['x-amz-target'] ?? '').replace('SageMaker.', '');
    const { others } = this.options;
    if (!/TrainingJobs?$/.test(operation) && others !== undefined) return forward(others, request, body, response);
    const input = JSON.parse(body.toString()) as Input;
    const name = input['TrainingJobName'] as string | undefined;
    this.calls.push({ operation, at: Date.now(), job: name, further: input['NextToken'] !== undefined });
    response.setHeader('date', new Date(this.now()).toUTCString());
    if (operation === 'ListTrainingJobs') await this.gate;
    try {
      response.end(JSON.stringify(this.answer(operation, name ?? '', input)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const code = error.message.split(':', 1)[0] ?? '';
      response.writeHead(400, { 'x-amzn-errortype': code });
      response.end(JSON.stringify({ __type: code, message: error.message.slice(code.length + 2) }));
    }
  }

  private answer(operation: string, name: string, input: Input): object {
    switch (operation) {
      case 'CreateTrainingJob':
        if (this.jobs.has(name)) throw new Refusal(`ResourceInUse: training job ${name} exists already`);
        this.add(name, input);
        return { TrainingJobArn: `${ARN}/${name}` };
      case 'DescribeTrainingJob':
        return { ...this.find(name).request, ...this.state(this.find(name)) };
      case 'ListTrainingJobs':
        return this.list(input);
      case 'StopTrainingJob':
        this.finish(name);
        return {};
      default:
        throw new Refusal(`UnknownOperationException: ${operation} is not scripted`);
    }
  }

  private find(name: string): Job {
    const job = this.jobs.get(name);
    if (!job) throw new Refusal('ValidationException: Requested resource not found.');
    return job;
  }

  private list(input: Input): object {
    const after = Number(input['LastModifiedTimeAfter'] ?? 0) * 1_000;
    const changed = [...this.jobs.values()].filter((job) => this.modified(job) > after);
    const from = Number(input['NextToken'] ?? 0);
    const to = from + Math.min(Number(input['MaxResults'] ?? 10), MOST_A_PAGE);
    return {
      TrainingJobSummaries: changed.slice(from, to).map((job) => this.state(job)),
      ...(to < changed.length && { NextToken: String(to) }),
    };
  }

  private endOf({ name, created, ended }: Job): number | undefined {
    const end = ended ?? created + (this.options.runsFor?.(name) ?? Number.POSITIVE_INFINITY);
    return end <= this.now() ? end : undefined;
  }

  private modified(job: Job): number {
    return this.endOf(job) ?? (this.restless ? this.now() : job.created);
  }

  private state(job: Job): object {
    const end = this.endOf(job);
    const status = end === undefined ? 'InProgress' : 'Completed';
    return {
      TrainingJobName: job.name,
      TrainingJobArn: `${ARN}/${job.name}`,
      TrainingJobStatus: status,
      SecondaryStatus: end === undefined ? 'Training' : 'Completed',
      CreationTime: job.created / 1_000,
      LastModifiedTime: this.modified(job) / 1_000,
      ...(end !== undefined && {
        ModelArtifacts: { S3ModelArtifacts: this.options.artifact ?? `s3://nowhere/${job.name}/model.tar.gz` },
        BillableTimeInSeconds: Math.ceil((end - job.created) / 1_000),
      }),
    };
  }
}
