import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import type { TrainingJob } from './types.js';

/** One host of a job: its name (`algo-1` …), its /opt/ml and its log. */
export interface Host {
  readonly name: string;
  readonly optMl: string;
  readonly logFile: string;
}

export function hostsOf(ctx: Context, job: TrainingJob): Host[] {
  const count = job.request.ResourceConfig?.InstanceCount ?? 1;
  return Array.from({ length: count }, (_, index) => {
    const name = `algo-${index + 1}`;
    return {
      name,
      optMl: join(jobDir(ctx, job.TrainingJobName), name),
      logFile: join(logDir(ctx, job.TrainingJobName), `${name}.log`),
    };
  });
}

/** Makes the folders and configuration files that the training container contract names, on each host. */
export async function layOut(ctx: Context, job: TrainingJob, hosts: readonly Host[]): Promise<void> {
  await removeWorkspace(ctx, job.TrainingJobName);
  for (const host of hosts) {
    for (const folder of ['input/config', 'input/data', 'model', 'output/data', 'checkpoints']) {
      await mkdir(join(host.optMl, folder), { recursive: true });
    }
    const config = (name: string, content: object): Promise<void> =>
      writeFile(join(host.optMl, 'input/config', name), JSON.stringify(content));
    await config('hyperparameters.json', job.request.HyperParameters ?? {});
    await config('resourceconfig.json', resourceConfig(job, host, hosts));
    await config('inputdataconfig.json', inputDataConfig(job));
  }
}

/** Removes the job's working folder; logs stay. */
export async function removeWorkspace(ctx: Context, name: string): Promise<void> {
  await rm(jobDir(ctx, name), { recursive: true, force: true });
}

export async function removeLogs(ctx: Context, name: string): Promise<void> {
  await rm(logDir(ctx, name), { recursive: true, force: true });
}

/** True if a folder holds at least one entry. */
export async function hasEntries(dir: string): Promise<boolean> {
  return (await readdir(dir)).length > 0;
}

function jobDir(ctx: Context, name: string): string {
  return join(ctx.config.stateDir, 'training', name);
}

/** Holds one folder of logs a job. */
export function logRoot(ctx: Context): string {
  return join(ctx.config.stateDir, 'logs', 'training-jobs');
}

function logDir(ctx: Context, name: string): string {
  return join(logRoot(ctx), name);
}

function resourceConfig(job: TrainingJob, host: Host, hosts: readonly Host[]): object {
  const names = hosts.map(({ name }) => name);
  const instanceType = job.request.ResourceConfig?.InstanceType;
  return {
    current_host: host.name,
    current_instance_type: instanceType,
    current_group_name: 'homogeneousCluster',
    hosts: names,
    instance_groups: [{ instance_group_name: 'homogeneousCluster', instance_type: instanceType, hosts: names }],
    network_interface_name: 'eth0',
    topology: null,
  };
}

function inputDataConfig(job: TrainingJob): object {
  const channels = (job.request.InputDataConfig ?? []).map((channel) => [
    channel.ChannelName,
    {
      ...(channel.ContentType === undefined ? {} : { ContentType: channel.ContentType }),
      TrainingInputMode: channel.InputMode ?? job.request.AlgorithmSpecification?.TrainingInputMode,
      S3DistributionType: channel.DataSource?.S3DataSource?.S3DataDistributionType ?? 'FullyReplicated',
      RecordWrapperType: channel.RecordWrapperType ?? 'None',
    },
  ]);
  return Object.fromEntries(channels) as object;
}
