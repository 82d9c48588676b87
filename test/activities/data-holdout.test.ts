import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataActivities, definitionHash } from '../../activities/data/index.js';
import type { CheckDataInput, CheckDataResult } from '../../contracts/activities.js';
import type { Definition, DefinitionInput } from '../../contracts/definition/index.js';
import { refusedKey } from '../../contracts/names.js';
import type { FileRecord, OutcomeObject, RefusedPointer } from '../../contracts/records.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';
import { AWS, World } from './support/world.js';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

const day = (date: number) => `2026-01-${String(date).padStart(2, '0')}`;
const files = (...dates: number[]) => dates.map((date) => `${day(date)}.csv`);
const judging = (evaluation: object = {}, others: Partial<Omit<DefinitionInput, 'data'>> & { data?: object } = {}) =>
  world.definition({ evaluation: { metric: 'rmse', holdout: 'P2D', ...evaluation }, ...others } as object);
const recordOf = async (result: CheckDataResult) => (await world.json(result.fileRecordUri)) as FileRecord;
const byChannel = ({ files: found }: FileRecord, name: string) =>
  found.filter(({ channel }) => channel === name).map(({ date }) => date);

describe('the last days are held out', () => {
  it('counted from the newest object, recorded, and in no training manifest', async () => {
    await world.putAll(files(2, 5, 6, 7));
    const result = await world.check({ definition: judging() });
    expect(result).toMatchObject({
      files: 4,
      oldestDate: day(2),
      newestDate: day(7),
      channels: [{ name: 'train', files: 2 }],
      holdout: { files: 2, from: day(6), to: day(7), hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
    });
    const prefix = `s3://${world.bucket}/data/x/train/`;
    expect(result.holdout?.manifestUri).toMatch(/\/holdout\.manifest$/);
    expect(await world.json(result.holdout?.manifestUri)).toEqual([{ prefix }, ...files(7, 6)]);
    expect(await world.json(result.manifestUri)).toEqual([{ prefix }, ...files(5, 2)]);
    const record = await recordOf(result);
    expect(record.holdout).toBe('holdout');
    expect([byChannel(record, 'train'), byChannel(record, 'holdout')]).toEqual([
      [day(2), day(5)],
      [day(6), day(7)],
    ]);
  });

  it('up to the newest of the snapshot, not of the bucket', async () => {
    await world.putAll(files(2, 5, 6, 9));
    const { holdout } = await world.check({ definition: judging(), asOf: day(6) });
    expect(holdout).toMatchObject({ files: 2, from: day(5), to: day(6) });
  });

  it('as every object of those days', async () => {
    await world.putAll([...files(2), `${day(7)}/a.csv`, `${day(7)}/b/c.csv`]);
    const { holdout, channels } = await world.check({ definition: judging({ holdout: '1d' }) });
    expect(holdout).toMatchObject({ files: 2, from: day(7), to: day(7) });
    expect(channels).toMatchObject([{ files: 1 }]);
  });

  it('and a retry answers the same', async () => {
    await world.putAll(files(2, 6, 7));
    const input = world.input({ definition: judging() });
    const first = await world.run(world.data.checkData, input);
    await world.putAll(files(8));
    const again = await world.run(world.data.checkData, input);
    expect([again.holdout, again.channels]).toEqual([first.holdout, first.channels]);
  });

  it('unless that leaves nothing to train on', async () => {
    await world.putAll(files(6, 7));
    await expect(world.check({ definition: judging() })).rejects.toMatchObject({
      type: 'DataInvalid',
      nonRetryable: true,
      message: expect.stringMatching(
        /^all 2 dated objects under s3:.* lie within the last P2D, which evaluation\.holdout keeps from training: shorten evaluation\.holdout, upload older data, or widen data\.window/,
      ) as unknown,
    });
  });
});

describe('a channel to judge on', () => {
  it('is listed in the same window, recorded under its name, and not trained on', async () => {
    await world.putAll([...files(2, 7), 'data/x/test/2026-01-03.csv', 'data/x/test/2025-01-03.csv']);
    const definition = judging({ holdout: undefined, channel: 'test' }, { data: { window: 'P10D' } });
    const result = await world.check({ definition });
    expect(result).toMatchObject({
      newestDate: day(7),
      channels: [{ name: 'train', files: 2 }],
      holdout: { files: 1, from: day(3) },
    });
    expect(await world.json(result.holdout?.manifestUri)).toEqual([
      { prefix: `s3://${world.bucket}/data/x/test/` },
      '2026-01-03.csv',
    ]);
    const record = await recordOf(result);
    expect([record.holdout, byChannel(record, 'test')]).toEqual(['test', [day(3)]]);
  });

  it('must have something in it', async () => {
    await world.putAll(files(2, 7));
    await expect(world.check({ definition: judging({ holdout: undefined, channel: 'test' }) })).rejects.toMatchObject({
      type: 'DataInvalid',
      message: expect.stringMatching(
        /^no dated objects under s3:.*data\/x\/test\/ up to 2026-01-10: upload some/,
      ) as unknown,
    });
  });

  it('does not move the watermark', async () => {
    await world.putAll([...files(2), 'data/x/test/2026-01-09.csv']);
    const { newestDate } = await world.check({ definition: judging({ holdout: undefined, channel: 'test' }) });
    expect(newestDate).toBe(day(2));
  });
});

describe('news', () => {
  it('is not that a file leaves the holdout as days pass', async () => {
    const definition = judging();
    await world.putAll(files(2, 6, 7));
    await world.deploy({ definition });
    expect(await world.check({ definition })).toMatchObject({ news: false, newestDate: day(7) });
    await world.putAll(files(8));
    const next = await world.check({ definition });
    expect(next).toMatchObject({ news: true, added: 1, changed: 0, removed: 0, holdout: { from: day(7), to: day(8) } });
    expect(
      await world.run(world.data.confirmFiles, {
        ref: world.nextRef(),
        definition,
        fileRecordUri: next.fileRecordUri as string,
      }),
    ).toEqual({ changed: 0, removed: 0 });
  });

  it('is another length of the holdout, and not another gate', async () => {
    const hash = (evaluation: object) => definitionHash(judging(evaluation));
    const plain = hash({});
    expect(definitionHash(world.definition())).not.toBe(plain);
    expect(hash({ holdout: 'P3D' })).not.toBe(plain);
    expect(hash({ holdout: undefined, channel: 'test' })).not.toBe(plain);
    expect(hash({ metric: 'mae', gate: { max: 3 }, approval: 'required', instanceType: 'ml.c5.large' })).toBe(plain);
  });
});

describe('after a rejection', () => {
  const definition = () => judging({ gate: { max: 1 } });
  beforeEach(() => world.putAll(files(2, 6, 7)));

  /** A run whose candidate was rejected. */
  async function rejected(rejectedDefinition: Definition = definition()): Promise<CheckDataInput> {
    const input = world.input({ definition: rejectedDefinition });
    const { fileRecordUri, dataHash, definitionHash: hash } = await world.run(world.data.checkData, input);
    const { ref } = input;
    const outcome: OutcomeObject = {
      version: 1,
      run: ref.run,
      temporalRunId: 'temporal-run',
      model: world.model,
      outcome: 'Rejected',
      reason: 'rmse is 1.5, above 1.',
      trigger: 'manual',
      startedAt: ref.runTime,
      endedAt: ref.runTime,
      stages: {},
      metrics: [],
      warnings: [],
      fileRecordUri,
      dataHash,
      definitionHash: hash,
    };
    await world.run(world.record.recordOutcome, { ref, definition: rejectedDefinition, outcome });
    return input;
  }

  it('the same data is no news, and the run says which was rejected and why', async () => {
    const { ref } = await rejected();
    const result = await world.check({ definition: definition() });
    expect(result.news).toBe(false);
    expect(result.reasons.at(-1)).toBe(
      `but nothing new since ${ref.run}, which was rejected: rmse is 1.5, above 1. Change data, definition or gate, or train with --force`,
    );
    const key = refusedKey(world.definition().data.output);
    expect((await world.json(`s3://${world.bucket}/${key}`)) as RefusedPointer).toMatchObject({
      why: 'rejected',
      reason: 'rmse is 1.5, above 1.',
      gateHash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    });
    expect(await world.check({ definition: definition(), force: true })).toMatchObject({ news: true });
  });

  it.each<[string, object]>([
    ['gate', { gate: { max: 2 } }],
    ['metric', { metric: 'mae', gate: { max: 1 } }],
    ['approval', { gate: { max: 1 }, approval: 'required' }],
    ['holdout', { gate: { max: 1 }, holdout: 'P3D' }],
  ])('another %s is news again', async (_what, evaluation) => {
    await rejected();
    expect(await world.check({ definition: judging(evaluation) })).toMatchObject({ news: true });
  });

  it('a new file is news again', async () => {
    await rejected();
    await world.putAll(files(8));
    expect(await world.check({ definition: definition() })).toMatchObject({ news: true, added: 4 });
  });
});

describe('previewRun', () => {
  it('says what would be held out', async () => {
    await world.putAll(files(2, 6, 7));
    const scripted = await ScriptedSageMaker.start({
      DescribeEndpoint: new Refusal('ValidationException', 'Could not find endpoint "arn:aws:sagemaker:x".'),
    });
    const sagemaker = scripted.client();
    const { previewRun } = createDataActivities({ ...world, sagemaker, region: AWS.region });
    try {
      const { reasons, files: count } = await world.run(previewRun, world.input({ definition: judging() }));
      expect(count).toBe(3);
      expect(reasons.at(-1)).toBe(
        '2 files from 2026-01-06 to 2026-01-07 would be kept from training, to judge the models on',
      );
    } finally {
      sagemaker.destroy();
      await scripted.close();
    }
  });
});
