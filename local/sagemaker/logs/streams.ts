import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context.js';
import { endpointDir } from '../endpoints/files.js';
import { isTerminal as trained } from '../training/record.js';
import type { TrainingJob } from '../training/types.js';
import { hostsOf, logRoot } from '../training/workspace.js';
import { transformLogs, transformLogRoot } from '../transform/logs.js';
import { isTerminal as transformed } from '../transform/record.js';
import type { TransformJob } from '../transform/types.js';

const TRAINING = '/aws/sagemaker/TrainingJobs';
const TRANSFORMS = '/aws/sagemaker/TransformJobs';
const ENDPOINTS = '/aws/sagemaker/Endpoints/';
/** A line that has not ended for this long is taken for whole, where nothing says that its program is through. */
const QUIET_MS = 1_000;

/** One program's output, under the name that SageMaker gives it. */
export interface LogStream {
  readonly name: string;
  readonly file: string;
  /** Nothing will be added to the last line. */
  readonly ended: boolean;
}

/**
 * The streams of a log group, `<job>/algo-<n>-<epoch>`, `<job>/<instance>-<epoch>` or `<variant>/<instance>`, whose names
 * begin with `prefix`. Undefined if there is no such group: as on AWS, one is there once something has been logged.
 */
export function streamsOf(ctx: Context, group: string, prefix = ''): LogStream[] | undefined {
  let streams: LogStream[] | undefined;
  if (group === TRAINING) {
    streams = ofJobs<TrainingJob>(ctx, 'training-job', logRoot(ctx), prefix, (job) => trainingStreams(ctx, job));
  } else if (group === TRANSFORMS) {
    const root = transformLogRoot(ctx);
    streams = ofJobs<TransformJob>(ctx, 'transform-job', root, prefix, (job) => transformStreams(ctx, job));
  } else if (group.startsWith(ENDPOINTS)) {
    streams = endpointStreams(ctx, group.slice(ENDPOINTS.length));
  }
  return streams?.filter(({ name, file }) => name.startsWith(prefix) && (existsSync(file) || existsSync(`${file}.1`)));
}

/** The streams of the jobs that have a folder of logs; a prefix that names a job whole spares a look at the others. */
function ofJobs<Job>(
  ctx: Context,
  kind: 'training-job' | 'transform-job',
  root: string,
  prefix: string,
  streams: (job: Job) => LogStream[],
): LogStream[] | undefined {
  const [job = '', ...rest] = prefix.split('/');
  const names = existsSync(root) ? readdirSync(root) : [];
  if (names.length === 0) return undefined;
  const wanted = rest.length > 0 ? names.filter((name) => name === job) : names.filter((name) => name.startsWith(job));
  return wanted.flatMap((name) => {
    const found = ctx.store.get<Job & object>(kind, name);
    return found ? streams(found) : [];
  });
}

function trainingStreams(ctx: Context, job: TrainingJob): LogStream[] {
  const epoch = Math.floor(job.state.CreationTime);
  return hostsOf(ctx, job).map(({ name, logFile }) => ({
    name: `${job.TrainingJobName}/${name}-${epoch}`,
    file: logFile,
    ended: trained(job),
  }));
}

function transformStreams(ctx: Context, job: TransformJob): LogStream[] {
  const epoch = Math.floor(job.state.CreationTime);
  const instances = job.request.TransformResources?.InstanceCount ?? 1;
  return Array.from({ length: instances }, (_, index) => {
    const { program, data } = transformLogs(ctx, job.TransformJobName, index);
    const name = `${job.TransformJobName}/${instanceId(job.TransformJobName, index)}-${epoch}`;
    const ended = transformed(job);
    return [
      { name, file: program, ended },
      { name: `${name}/data-log`, file: data, ended },
    ];
  }).flat();
}

/** Of all deployments whose logs are still there, in the order they came. */
function endpointStreams(ctx: Context, endpoint: string): LogStream[] | undefined {
  const dir = endpointDir(ctx, endpoint);
  if (ctx.store.get('endpoint', endpoint) === undefined || !existsSync(dir)) return undefined;
  return readdirSync(dir).flatMap((deployment) =>
    readdirSync(join(dir, deployment)).flatMap((entry) => {
      const [, variant, index] = /^(.+)-(\d+)\.log$/.exec(entry) ?? [];
      if (variant === undefined || index === undefined) return [];
      const file = join(dir, deployment, entry);
      const ended = Date.now() - statSync(file).mtimeMs >= QUIET_MS;
      return [{ name: `${variant}/${instanceId(deployment, variant, index)}`, file, ended }];
    }),
  );
}

/** An instance's id, in EC2's form; always the same for the same program. */
function instanceId(...parts: readonly (string | number)[]): string {
  return `i-${createHash('sha256').update(parts.join('/')).digest('hex').slice(0, 17)}`;
}
