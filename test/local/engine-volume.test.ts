import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../engine/engine.js';
import { createEngineSandbox } from '../../local/sagemaker/engine/index.js';
import { locateState } from '../../local/sagemaker/engine/volume.js';
import { temporaryFolder } from '../support/local.js';
import { engineName, inContainers, leftOf, withoutEngine } from './fixtures/engine.js';

describe.skipIf(withoutEngine)(`volume and network of a server${withoutEngine ? `: ${withoutEngine}` : ''}`, () => {
  const engine = new Engine(engineName);
  const name = `perennial-test-${randomBytes(4).toString('hex')}`;
  const log = pino({ level: 'silent' });
  beforeAll(async () => {
    await engine.run(['volume', 'create', name]);
    await engine.run(['network', 'create', name]);
  });
  afterAll(async () => {
    await engine.run(['volume', 'rm', name]);
    await engine.run(['network', 'rm', name]);
  });

  it('have the engine told its own path of what is in the state folder, and nothing else', async () => {
    const mountpoint = await engine.run(['volume', 'inspect', '--format', '{{.Mountpoint}}', name]);
    const locate = await locateState(engine, '/data/state', name);
    expect(['/data/state', '/data/state/serving/a', '/data/state/..a'].map(locate)).toEqual([
      mountpoint,
      join(mountpoint, 'serving/a'),
      join(mountpoint, '..a'),
    ]);
    const outside = ['/data', '/data/state-2/a', '/efs/images'];
    expect(outside.map(locate)).toEqual(outside);
    expect((await locateState(engine, '/data/state'))('/data/state/a')).toBe('/data/state/a');
  });

  it('are missed at the start, by the name of the setting', async () => {
    const stateDir = await temporaryFolder();
    await expect(createEngineSandbox({ engine, stateDir, log, volume: `${name}-not` })).rejects.toThrow(
      `has no volume "${name}-not": SAGEMAKER_LOCAL_ENGINE_VOLUME names the volume that is mounted at ${stateDir}`,
    );
  });

  it('say of a server that is no container that it does not get to an isolated program, which leaves nothing', async () => {
    const stateDir = await temporaryFolder();
    const sandbox = await createEngineSandbox({ engine, stateDir, log, network: name });
    const spec = { command: 'serve' as const, optMl: stateDir, logFile: join(stateDir, 'log'), env: {} };
    const image = inContainers.engine.buildArgs.BASE;
    await expect(sandbox.start({ ...spec, image, withoutCredentials: true })).rejects.toThrow(
      new RegExp(
        `does not get into its network\\. With SAGEMAKER_LOCAL_ENGINE_NETWORK .* "${hostname()}"\\. ${engineName} network connect`,
      ),
    );
    expect(await leftOf(stateDir)).toEqual([]);
    await sandbox.close();
  });
});
