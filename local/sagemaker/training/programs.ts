import type { Context, Exit, RunningContainer } from '../context.js';
import { checkKey } from '../kms.js';
import { JobFailure, messageOf } from './failure.js';
import { mountsFor } from './file-systems.js';
import type { TrainingJob } from './types.js';
import type { Host } from './workspace.js';

/** AWS: SIGTERM, and SIGKILL 120 s later. */
const STOP_GRACE_MS = 120_000;

/**
 * What AWS does before instances start: the keys must be usable, the image must be there and ready to run; `say` hears
 * how that goes. Returns the image as it is run; throws JobFailure.
 */
export async function provision(
  ctx: Context,
  job: TrainingJob,
  { say, signal }: { readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<string> {
  const { ResourceConfig, OutputDataConfig, AlgorithmSpecification } = job.request;
  const keys = [
    [ResourceConfig?.VolumeKmsKeyId, 'volume'],
    [OutputDataConfig?.KmsKeyId, 'output'],
  ] as const;
  for (const [key, purpose] of keys) {
    const refused = key ? await checkKey(ctx, key, purpose) : undefined;
    if (refused) throw new JobFailure(refused);
  }
  const image = String(AlgorithmSpecification?.TrainingImage);
  const found = ctx.images.find(image);
  if (found) {
    return ctx.images.prepare(found, say, signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new JobFailure(`ClientError: Cannot start algorithm container. ${messageOf(cause)}`, { cause });
    });
  }
  throw new JobFailure(
    `ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect. (Image "${image}" has no folder on this machine: map it in SAGEMAKER_LOCAL_IMAGES.)`,
  );
}

/**
 * Runs `train` on every host until all have ended. `soft` gives the programs their grace, `hard` none; a host that
 * fails ends the others, as a cluster that lost a host fails as a whole.
 */
export async function runPrograms(
  ctx: Context,
  job: TrainingJob,
  hosts: readonly Host[],
  options: {
    readonly image: string;
    readonly soft: AbortSignal;
    readonly hard: AbortSignal;
    readonly onLine: (line: string) => void;
  },
): Promise<Exit[]> {
  const { soft, hard } = options;
  const isolated = job.request.EnableNetworkIsolation === true;
  const network = hosts.length > 1 ? await ctx.sandbox.openNetwork?.({ isolated }) : undefined;
  const running: RunningContainer[] = [];
  const stopAll = (graceMs: number) => (): void => {
    for (const container of running) void container.stop(graceMs);
  };
  const [stop, kill] = [stopAll(STOP_GRACE_MS), stopAll(0)];
  soft.addEventListener('abort', stop, { once: true });
  hard.addEventListener('abort', kill, { once: true });
  try {
    for (const host of hosts) running.push(await start(ctx, job, host, { ...options, network: network?.name }));
    // An abort while they were being started found some of them only.
    if (soft.aborted) (hard.aborted ? kill : stop)();
    return await Promise.all(
      running.map(async (container) => {
        const exit = await container.exited;
        if (exit.code !== 0) kill();
        return exit;
      }),
    );
  } finally {
    kill();
    soft.removeEventListener('abort', stop);
    hard.removeEventListener('abort', kill);
    if (network) {
      await Promise.all(running.map(({ exited }) => exited));
      await network.close();
    }
  }
}

function start(
  ctx: Context,
  { TrainingJobName, request, state }: TrainingJob,
  host: Host,
  options: { readonly image: string; readonly network: string | undefined; readonly onLine: (line: string) => void },
): Promise<RunningContainer> {
  return ctx.sandbox.start({
    image: options.image,
    instanceType: request.ResourceConfig?.InstanceType,
    ...(options.network === undefined ? {} : { host: { name: host.name, network: options.network } }),
    command: 'train',
    optMl: host.optMl,
    mounts: mountsFor(ctx, request),
    logFile: host.logFile,
    withoutCredentials: request.EnableNetworkIsolation === true,
    env: { TRAINING_JOB_NAME: TrainingJobName, TRAINING_JOB_ARN: state.TrainingJobArn, ...request.Environment },
    onLine: options.onLine,
  });
}
