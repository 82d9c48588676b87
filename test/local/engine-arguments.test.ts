import { describe, expect, it } from 'vitest';
import { createArguments } from '../../local/sagemaker/engine/arguments.js';
import { limitsOf } from '../../local/sagemaker/engine/limits.js';

const GIB = 1024 ** 3;
const large = { cpus: 1000, memory: 1e15 };

describe('limits of an instance type', () => {
  it.each([
    ['ml.m5.large', 2, 8],
    ['ml.m5.4xlarge', 16, 64],
    ['ml.c5.xlarge', 4, 8],
    ['ml.c4.8xlarge', 32, 60],
    ['ml.c5n.9xlarge', 36, 94.5],
    ['ml.r5d.24xlarge', 96, 768],
    ['ml.t3.medium', 2, 4],
    ['ml.t3.large', 2, 8],
    ['ml.g4dn.xlarge', 4, 16],
    ['ml.p3.2xlarge', 8, 61],
    ['ml.p4d.24xlarge', 96, 1152],
  ])('%s: %d cores, %d GiB', (type, cpus, gibs) => {
    expect(limitsOf(type, large)).toMatchObject({ cpus, memory: gibs * GIB });
  });

  it('are those of the machine where it is smaller, and none where the name does not tell', () => {
    expect(limitsOf('ml.m5.24xlarge', { cpus: 2, memory: GIB })).toMatchObject({ cpus: 2, memory: GIB });
    expect(limitsOf('ml.z9.metal', large)).toEqual({ hasGpus: false });
    expect(limitsOf(undefined, large)).toEqual({ hasGpus: false });
  });

  it('tells which have GPUs', () => {
    const types = [
      'ml.g5.xlarge',
      'ml.p3.2xlarge',
      'ml.p4d.24xlarge',
      'ml.m5.large',
      'ml.inf1.xlarge',
      'ml.trn1.2xlarge',
    ];
    expect(types.filter((type) => limitsOf(type, large).hasGpus)).toEqual(types.slice(0, 3));
  });
});

describe('arguments of a container', () => {
  const spec = { command: 'train', optMl: '/state/a:b', logFile: '/log', env: {} } as const;
  const placement = { engine: 'docker', name: 'n', labels: ['a=b'], publish: false, gpus: true } as const;
  const args = (more: object, place: object = {}) =>
    createArguments('image', { ...spec, ...more }, { ...placement, ...place });

  it('have values of the environment by name alone, but for those that would lead the command itself elsewhere', () => {
    const { args: list, env } = args({ env: { TOKEN: 'secret', PATH: '/opt', DOCKER_HOST: 'x' } });
    expect(list.join(' ')).not.toContain('secret');
    expect(list.join(' ')).toContain('--env TOKEN --env PATH=/opt --env DOCKER_HOST=x image train');
    expect(env).toEqual({ TOKEN: 'secret' });
  });

  it('pass GPUs to an instance type that has them, where that is asked for', () => {
    const gpus = { instanceType: 'ml.g5.xlarge' };
    expect(args(gpus).args.join(' ')).toContain('--gpus all');
    expect(args(gpus, { engine: 'podman' }).args.join(' ')).toContain('--device nvidia.com/gpu=all');
    expect(args(gpus, { gpus: false }).args.join(' ')).not.toMatch(/gpu/);
    expect(args({ instanceType: 'ml.m5.large' }).args.join(' ')).not.toMatch(/gpu/);
  });

  it('mount the model and read-only file systems so, and refuse a folder that can not be written down', () => {
    const mounts = [
      { folder: '/efs/a', path: 'input/data/images', readOnly: true },
      { folder: '/efs/b', path: 'input/data/out', readOnly: false },
    ];
    expect(
      args({ modelDir: '/models/m', mounts }).args.filter((_, index, all) => all[index - 1] === '--mount'),
    ).toEqual([
      'type=bind,source=/state/a:b,target=/opt/ml',
      'type=bind,source=/models/m,target=/opt/ml/model,readonly',
      'type=bind,source=/efs/a,target=/opt/ml/input/data/images,readonly',
      'type=bind,source=/efs/b,target=/opt/ml/input/data/out',
    ]);
    expect(() => args({ modelDir: '/a,b' })).toThrow("/a,b: a folder whose name holds a comma can't be given");
  });

  it('publish the port of the contract on loopback alone', () => {
    expect(args({ command: 'serve' }, { publish: true }).args.join(' ')).toContain('--publish 127.0.0.1::8080');
  });
});
