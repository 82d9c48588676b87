import { ListEndpointConfigsCommand, ListModelsCommand } from '@aws-sdk/client-sagemaker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureModel } from '../../activities/endpoint/create.js';
import { runActivity } from './support/local-sagemaker.js';
import { VersionWorld, configOf } from './support/version-world.js';

let at: VersionWorld;
beforeEach(async () => {
  at = await VersionWorld.make();
});
afterEach(() => at.close());

describe('clean-up', () => {
  const names = async () => {
    const filter = { NameContains: `${at.world.model}-2`, MaxResults: 100 };
    const [configs, models] = await Promise.all([
      at.world.sagemaker.send(new ListEndpointConfigsCommand(filter)),
      at.world.sagemaker.send(new ListModelsCommand(filter)),
    ]);
    return {
      configs: (configs.EndpointConfigs ?? []).map(({ EndpointConfigName }) => EndpointConfigName).sort(),
      models: (models.Models ?? []).map(({ ModelName }) => ModelName).sort(),
    };
  };
  const clean = (keep: number) =>
    runActivity(at.endpoints.cleanUp, { ref: at.world.nextRef(), definition: at.definition({ keep, count: 2 }) });

  it('keeps a model that a config of another time names, and removes it with the last', async () => {
    const run = await at.deployed();
    const [ref] = await at.change('deploy', { count: 2 });
    const second = await at.deployed({ count: 2 });
    await clean(1);
    expect(await names()).toEqual({
      configs: [configOf(ref), configOf(second)],
      models: [configOf(run), configOf(second)],
    });
    const third = await at.deployed({ count: 2 });
    await clean(1);
    expect(await names()).toEqual({
      configs: [configOf(second), configOf(third)],
      models: [configOf(second), configOf(third)],
    });
  });

  it('keeps what is live, what was before it, and the newest, after a roll-back too', async () => {
    const runs = [await at.deployed(), await at.deployed(), await at.deployed(), await at.deployed()];
    const [, before, back, newest] = runs.map(configOf);
    await at.change('rollback', {}, runs[2]?.run);
    await clean(1);
    expect((await names()).configs).toEqual([before, back, newest]);
    expect((await at.plan({ kind: 'rollback' })).to.config).toBe(before);
  });

  it('lets a candidate alone that has no config yet', async () => {
    const first = await at.deployed();
    await at.deployed();
    await at.deployed();
    const input = at.candidate();
    const { ref } = input;
    await ensureModel(at.world.sagemaker, input);
    await clean(1);
    const { models } = await names();
    expect(models).toContain(configOf(ref));
    expect(models).not.toContain(configOf(first));
  });
});
