import { availableParallelism, totalmem } from 'node:os';

const GIB = 1024 ** 3;
/** What a container of an instance type may take at most. */
export interface Limits {
  /** Cores. */
  readonly cpus?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly hasGpus: boolean;
}

/** vCPUs of a size; `metal` and unknown ones have none here. */
const SIZES: Readonly<Record<string, number>> = { medium: 2, large: 2, xlarge: 4 };
/** GiB a vCPU of the families that SageMaker offers, by the beginning of their name: the longest that fits counts. */
const GIB_A_VCPU: Readonly<Record<string, number>> = {
  ...{ t: 4, m: 4, c: 2, c4: 1.875, c5n: 2.625, r: 8, x: 16 },
  ...{ p3: 7.625, p4: 12, p5: 32 / 3, g4dn: 4, g5: 4, g6: 4, g6e: 8, inf1: 2, inf2: 4, trn1: 4 },
};
/** Families with NVIDIA GPUs. */
const GPUS = /^(p\d|g\d)/;

/**
 * Limits of an instance type, `ml.m5.xlarge`, by AWS's naming: the size tells the vCPUs, the family the memory of each
 * (https://aws.amazon.com/ec2/instance-types/). No more than the machine has, and none where the name does not tell.
 */
export function limitsOf(
  instanceType: string | undefined,
  machine = { cpus: availableParallelism(), memory: totalmem() },
): Limits {
  const [, family = '', size = ''] = (instanceType ?? '').split('.');
  const multiple = /^(\d+)xlarge$/.exec(size)?.[1];
  const cpus = multiple === undefined ? SIZES[size] : Number(multiple) * 4;
  const named = Object.keys(GIB_A_VCPU).filter((name) => family.startsWith(name));
  const gibs = GIB_A_VCPU[named.sort((a, b) => b.length - a.length)[0] ?? ''];
  return {
    ...(cpus === undefined ? {} : { cpus: Math.min(cpus, machine.cpus) }),
    // A t3.medium is the one that has half of what its family has.
    ...(cpus === undefined || gibs === undefined
      ? {}
      : { memory: Math.min(cpus * (size === 'medium' ? 2 : gibs) * GIB, machine.memory) }),
    hasGpus: GPUS.test(family),
  };
}
