import { DeleteModelCommand, DescribeEndpointConfigCommand } from '@aws-sdk/client-sagemaker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf, runActivity } from './support/local-sagemaker.js';
import { VersionWorld, configOf } from './support/version-world.js';

let at: VersionWorld;
beforeEach(async () => {
  at = await VersionWorld.make();
});
afterEach(() => at.close());

describe('the kept versions', () => {
  it('are listed newest first, with what made them and what is live', async () => {
    expect(await at.list()).toEqual({ endpoint: at.world.model, versions: [] });
    const holdout = { hash: 'h', files: 1, from: '2026-01-01', to: '2026-01-01' };
    const first = await at.deployed();
    const candidate = { modelName: 'x', metrics: { mdape: 0.1, rmse: 3 }, scoreUri: 's3://x' };
    const second = await at.deployed({ count: 2 }, { evaluation: { metric: 'mdape', holdout, rows: 5, candidate } });
    const { liveConfig, status, versions: found } = await at.list();
    expect([liveConfig, status]).toEqual([configOf(second), 'InService']);
    expect(found).toEqual([
      expect.objectContaining({
        config: configOf(second),
        run: second.run,
        madeBy: second.run,
        live: true,
        previous: configOf(first),
        count: 2,
        newestDate: '2026-01-02',
        files: 1,
        metrics: [{ name: 'mdape', value: 0.1 }],
        deployedAt: second.runTime,
      }),
      expect.objectContaining({ run: first.run, live: false, metrics: [{ name: 'train:mse', value: 2 }] }),
    ]);
  });

  it('say why one cannot be gone back to', async () => {
    const gone = await at.deployed();
    const failed = await at.deployed({}, { outcome: 'Failed' });
    await at.deployed();
    await at.world.sagemaker.send(new DeleteModelCommand({ ModelName: configOf(gone) }));
    const { versions: found } = await at.list();
    expect(found.map(({ unusable }) => unusable)).toEqual([
      undefined,
      expect.stringContaining(`${failed.run} ended as Failed`),
      `its SageMaker model ${configOf(gone)} was deleted`,
    ]);
    // The one before, and the one older than that, are no targets.
    const none = await at.refusal({ kind: 'rollback' });
    expect([none.type, none.message]).toEqual(['ResourceMissing', expect.stringContaining('Nothing to go back to')]);
    const named = await at.refusal({ kind: 'rollback', to: gone.run });
    expect([named.type, named.message]).toEqual(['ResourceMissing', expect.stringContaining('was deleted')]);
  });
});

describe('going back', () => {
  it('puts the version in service that was live before, and forward again by name', async () => {
    const first = await at.deployed();
    const second = await at.deployed();
    const [, back] = await at.change('rollback');
    expect(back).toMatchObject({
      from: { config: configOf(second), run: second.run, snapshot: { dataHash: `data of ${second.run}` } },
      to: {
        config: configOf(first),
        run: first.run,
        dataHash: `data of ${first.run}`,
        newestDate: '2026-01-01',
        manifestUri: `s3://${at.world.bucket}/manifest of ${first.runTime}`,
      },
    });
    expect((await at.live()).EndpointConfigName).toBe(configOf(first));
    // A second time there is nothing older, and it does not go forward by itself.
    const again = await at.refusal({ kind: 'rollback' });
    expect(again.message).toContain(`Newer ones are ${second.run}: --to names one`);
    await at.change('rollback', {}, second.run);
    expect((await at.live()).EndpointConfigName).toBe(configOf(second));
  });

  it('keeps the instance count that the endpoint has', async () => {
    await at.deployed({ count: 1 });
    await at.deployed({ count: 3 });
    await at.change('rollback');
    expect((await at.live()).ProductionVariants?.[0]?.DesiredInstanceCount).toBe(3);
  });

  it('is refused in one sentence, before anything changes', async () => {
    expect((await at.refusal({ kind: 'rollback' })).message).toContain('Nothing is live');
    const first = await at.deployed();
    const cases = [
      [{ kind: 'rollback' }, 'ResourceMissing', 'Nothing to go back to'],
      [{ kind: 'rollback', to: first.run }, 'InvalidRequest', 'serves'],
      [{ kind: 'rollback', to: 'retrain/x/2026' }, 'ResourceMissing', 'none of the kept versions'],
      [{ kind: 'rollback', from: 'other' }, 'LiveChanged', 'by now, not other'],
      [{ kind: 'deploy' }, 'InvalidRequest', 'Nothing to deploy'],
    ] as const;
    for (const [request, type, words] of cases) {
      const failure = await at.refusal(request);
      expect([failure.type, failure.message]).toEqual([type, expect.stringContaining(words)]);
    }
    await at.deployed();
    await at.deployed();
    expect((await at.refusal({ kind: 'rollback', to: '2026-01-15' })).message).toContain('may be any of');
  });

  it('touches nothing if another config came to be live since the plan', async () => {
    await at.deployed();
    const second = await at.deployed();
    const planned = await at.plan({ kind: 'rollback' });
    const third = await at.deployed();
    const input = { ref: at.world.nextRef(), definition: at.definition(), kind: 'rollback' as const, plan: planned };
    const failure = await failureOf(runActivity(at.versions.startChange, input));
    expect(failure.type).toBe('LiveChanged');
    expect(failure.message).toContain(`serves ${configOf(third)} by now, not ${configOf(second)}`);
    expect((await at.live()).EndpointConfigName).toBe(configOf(third));
  });
});

describe('deploying the live model anew', () => {
  it('gives it the instance count of the definition, by a config of its own', async () => {
    const run = await at.deployed();
    const asked = await at.plan({ kind: 'deploy' }, { count: 2 });
    expect(asked).toMatchObject({ to: { config: 'a new config' }, warnings: [] });
    const [ref, planned] = await at.change('deploy', { count: 2 });
    expect(planned.to).toMatchObject({ config: configOf(ref), run: run.run, modelName: configOf(run) });
    const { EndpointConfigName, ProductionVariants } = await at.live();
    expect([EndpointConfigName, ProductionVariants?.[0]?.DesiredInstanceCount]).toEqual([configOf(ref), 2]);
    const made = await at.world.sagemaker.send(
      new DescribeEndpointConfigCommand({ EndpointConfigName: configOf(ref) }),
    );
    expect(made.ProductionVariants?.[0]?.ModelName).toBe(configOf(run));
    expect((await at.list()).versions[0]).toMatchObject({ madeBy: ref.run, run: run.run, live: true });
    expect((await at.refusal({ kind: 'deploy' }, { count: 2 })).message).toContain('Nothing to deploy');
    expect((await at.plan({ kind: 'deploy', force: true }, { count: 2 })).to.run).toBe(run.run);
    // Back to the run's own config; its model is the same.
    expect((await at.plan({ kind: 'rollback' }, { count: 2 })).to).toMatchObject({
      config: configOf(run),
      run: run.run,
    });
  });

  it('leaves the next run its news where more than the endpoint changed', async () => {
    const { run } = await at.deployed();
    const own = `definition of ${run}`;
    const alone = await at.plan({ kind: 'deploy' }, { instanceType: 'ml.m5.xlarge' });
    expect([alone.to.definitionHash === own, alone.warnings]).toEqual([false, []]);
    const definition = at.world.definition({ endpoint: { count: 2 }, training: { algorithm: 'linear-learner' } });
    const more = await runActivity(at.versions.planChange, { definition, request: { kind: 'deploy' } });
    expect([more.to.definitionHash, more.warnings]).toEqual([own, [expect.stringContaining('the next run trains')]]);
  });
});
