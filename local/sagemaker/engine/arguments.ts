import type { EngineName } from '../../../engine/engine.js';
import type { ContainerSpec } from '../context.js';
import { CONTRACT_PORT } from '../runtime/own-network.js';
import { limitsOf } from './limits.js';

/** Variables by which the engine's own command is configured: a program's are not to reach it. */
const OF_THE_COMMAND =
  /^(PATH|HOME|USER|TMPDIR|LANG|DOCKER_\w+|CONTAINER\w*|CONTAINERS_\w+|XDG_\w+|BUILDKIT_\w+|\w+_proxy|\w+_PROXY|SSL_\w+)$/;

export interface Placement {
  readonly engine: EngineName;
  readonly name: string;
  /** Mark what belongs to this server: `key=value`. */
  readonly labels: readonly string[];
  /** Network the container is in; the engine's default without, `none` for no network at all. */
  readonly network?: string;
  /** Publish the contract's port on loopback, on a free port that the engine picks. */
  readonly publish: boolean;
  /** GPUs are passed to instance types that have them. */
  readonly gpus: boolean;
}

/** The arguments of `create` for a program as SageMaker runs it, and the environment of the command. Pure. */
export function createArguments(
  image: string,
  spec: Omit<ContainerSpec, 'image'>,
  { engine, name, labels, network, publish, gpus }: Placement,
): { readonly args: string[]; readonly env: Record<string, string> } {
  const { cpus, memory, hasGpus } = limitsOf(spec.instanceType);
  const host = spec.host;
  const env: Record<string, string> = {};
  const variables = Object.entries(spec.env).flatMap(([variable, value]) => {
    if (OF_THE_COMMAND.test(variable)) return ['--env', `${variable}=${value}`];
    // By name alone: the value does not stand in the list of processes.
    env[variable] = value;
    return ['--env', variable];
  });
  const args = [
    'create',
    ...['--name', name, ...labelled(labels)],
    // Its images are there, or were pulled with a word about it.
    ...['--pull', 'never'],
    // Nobody waits for what is removed.
    ...['--stop-timeout', '0'],
    // Folders of the caller, not relabelled for the container alone (SELinux).
    ...['--security-opt', 'label=disable'],
    ...(host ? ['--hostname', host.name, '--network-alias', host.name] : []),
    ...(network === undefined ? [] : ['--network', network]),
    ...(publish ? ['--publish', `127.0.0.1::${CONTRACT_PORT}`] : []),
    ...(cpus === undefined ? [] : ['--cpus', String(cpus)]),
    ...(memory === undefined ? [] : ['--memory', `${Math.floor(memory)}b`]),
    ...(gpus && hasGpus ? (engine === 'docker' ? ['--gpus', 'all'] : ['--device', 'nvidia.com/gpu=all']) : []),
    ...volume(spec.optMl, '/opt/ml', false),
    ...(spec.modelDir ? volume(spec.modelDir, '/opt/ml/model', true) : []),
    ...(spec.mounts ?? []).flatMap((mount) => volume(mount.folder, `/opt/ml/${mount.path}`, mount.readOnly)),
    ...variables,
    image,
    spec.command,
  ];
  return { args, env };
}

export const labelled = (labels: readonly string[]): string[] => labels.flatMap((label) => ['--label', label]);

function volume(source: string, target: string, readOnly: boolean): string[] {
  // A folder's name may hold a colon, which `--volume` takes for an end; and a comma, which this one does.
  if (source.includes(','))
    throw new Error(`${source}: a folder whose name holds a comma can't be given to a container`);
  return ['--mount', `type=bind,source=${source},target=${target}${readOnly ? ',readonly' : ''}`];
}
