import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { definitionHash, modelHash } from '../../activities/data/hashes.js';
import type { CheckDataResult } from '../../contracts/activities.js';
import { changeId, deployedKey, parseRunId, refusedKey } from '../../contracts/names.js';
import type { DeployedPointer, OutcomeObject, RefusedPointer } from '../../contracts/records.js';
import type { ChangeRequest } from '../../contracts/versions.js';
import { World } from './support/world.js';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

/** A run as it was deployed, by its file record's place. */
interface Known extends CheckDataResult {
  readonly run: string;
}

async function deploy(file: string): Promise<Known> {
  await world.put(file);
  const deployed = await world.deploy();
  const { run } = (await pointer()) as DeployedPointer;
  return { ...deployed, run };
}

const pointer = () => world.json(`s3://${world.bucket}/${deployedKey(world.definition().data.output)}`);
const refused = () => world.json(`s3://${world.bucket}/${refusedKey(world.definition().data.output)}`);

/** Records a change by hand as its workflow does. */
async function change(
  kind: ChangeRequest['kind'],
  from: Known,
  to: Known,
  more: Partial<OutcomeObject> = {},
): Promise<OutcomeObject> {
  const { runTime } = world.nextRef();
  const ref = { model: world.model, runTime, run: changeId(kind, world.model, runTime) };
  const { fileRecordUri = '', dataHash, newestDate } = to;
  const snapshot = {
    fileRecordUri: from.fileRecordUri ?? '',
    dataHash: from.dataHash,
    definitionHash: from.definitionHash,
  };
  const outcome: OutcomeObject = {
    version: 1,
    run: ref.run,
    temporalRunId: 'temporal-run',
    model: world.model,
    kind,
    change: {
      kind,
      by: 'ada',
      from: { config: 'b', run: from.run, snapshot },
      to: { config: 'a', run: to.run },
    },
    outcome: 'Deployed',
    reason: 'rolled back by ada',
    trigger: 'manual',
    startedAt: runTime,
    endedAt: runTime,
    stages: {},
    metrics: [],
    warnings: [],
    ...{ fileRecordUri, dataHash, definitionHash: to.definitionHash, modelHash: 'm' },
    endpoint: world.model,
    endpointConfig: 'a',
    deployedAt: new Date(Date.parse(runTime) + 900).toISOString(),
    ...more,
  };
  const input = { ref, definition: world.definition(), outcome, ...(newestDate !== undefined && { newestDate }) };
  await world.run(world.record.recordOutcome, input);
  // A retry whose first answer was lost.
  await world.run(world.record.recordOutcome, input);
  return outcome;
}

describe('after a roll-back', () => {
  it('pointer and parameter name the run that serves, and the run that was taken back is no news', async () => {
    const first = await deploy('2026-01-01.csv');
    const second = await deploy('2026-01-02.csv');
    const { deployedAt } = await change('rollback', second, first);
    expect(await world.parameter()).toBe('2026-01-01');
    expect(await pointer()).toMatchObject({
      run: first.run,
      runTime: parseRunId(first.run)?.time,
      dataHash: first.dataHash,
      endpointConfig: 'a',
      deployedAt,
    });
    expect(await refused()).toMatchObject({ run: second.run, why: 'rolled back' } satisfies Partial<RefusedPointer>);
    const next = await world.check();
    expect(next.news).toBe(false);
    expect(next.reasons.join()).toContain(`nothing new since ${second.run}, whose model was rolled back`);
    await world.put('2026-01-03.csv');
    expect((await world.check()).news).toBe(true);
  });

  it('the same data is nothing new to the version that is put back in service', async () => {
    const first = await deploy('2026-01-01.csv');
    const second = await deploy('2026-01-02.csv');
    await change('rollback', second, first);
    await change('rollback', first, second);
    expect(await pointer()).toMatchObject({ run: second.run });
    expect(await world.parameter()).toBe('2026-01-02');
    expect((await world.check()).reasons).toEqual([expect.stringContaining(`nothing new since ${second.run}`)]);
  });

  it('refuses nothing where only the config was another, or the roll-back failed', async () => {
    const first = await deploy('2026-01-01.csv');
    const second = await deploy('2026-01-02.csv');
    await change('rollback', second, second);
    await change('rollback', second, first, { outcome: 'Failed', failureType: 'SmokeTestFailed' });
    expect(await refused()).toBeNull();
    expect(await pointer()).toMatchObject({ run: second.run });
  });
});

describe('after a deploy by hand', () => {
  it('the next run has no news of the endpoint', async () => {
    const run = await deploy('2026-01-01.csv');
    const definition = world.definition({ endpoint: { count: 2 } });
    expect((await world.check({ definition })).reasons).toEqual([expect.stringContaining('the definition changed')]);
    const hashes = { definitionHash: definitionHash(definition), modelHash: modelHash(definition) };
    expect(await pointer()).toMatchObject({ modelHash: hashes.modelHash });
    await change('deploy', run, run, hashes);
    expect(await pointer()).toMatchObject({ run: run.run, ...hashes });
    expect((await world.check({ definition })).news).toBe(false);
    const file = (await world.json(run.fileRecordUri)) as { modelHash?: string };
    expect(file.modelHash).toBe(hashes.modelHash);
  });
});
