import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataActivities } from '../../activities/data/index.js';
import type { CheckDataInput } from '../../contracts/activities.js';
import type { Preview } from '../../contracts/questions.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';
import { AWS, World } from './support/world.js';

let world: World;
let scripted: ScriptedSageMaker | undefined;
beforeEach(async () => {
  world = await World.make();
});
afterEach(async () => {
  world.close();
  await scripted?.close();
});

const NO_ENDPOINT = new Refusal('ValidationException', 'Could not find endpoint "arn:aws:sagemaker:x".');

async function preview(
  options: Partial<CheckDataInput> = {},
  endpoint: object = { EndpointName: 'e', EndpointStatus: 'InService' },
  region = AWS.region,
): Promise<Preview> {
  scripted = await ScriptedSageMaker.start({ DescribeEndpoint: endpoint });
  const sagemaker = scripted.client();
  const { previewRun } = createDataActivities({
    s3: world.s3,
    ssm: world.ssm,
    sagemaker,
    region,
    hashes: world.hashes,
  });
  try {
    return await world.run(previewRun, world.input(options));
  } finally {
    sagemaker.destroy();
  }
}

describe('previewRun', () => {
  it('says what a run would find and do, and writes nothing', async () => {
    await world.put('2026-01-08.csv');
    expect(await preview({}, NO_ENDPOINT)).toEqual({
      wouldTrain: true,
      reasons: [expect.stringMatching(/^first run/)],
      asOf: '2026-01-10',
      files: 1,
      bytes: 9,
      oldestDate: '2026-01-08',
      newestDate: '2026-01-08',
      added: 1,
      changed: 0,
      removed: 0,
      image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
      instanceTypes: ['ml.m5.large'],
      endpointAction: 'create',
      endpoint: world.model,
      warnings: [],
    });
    const { KeyCount } = await world.s3.send(new ListObjectsV2Command({ Bucket: world.bucket }));
    expect(KeyCount).toBe(1);
  });

  it('would do nothing where nothing is new', async () => {
    await world.put('2026-01-08.csv');
    await world.deploy();
    expect(await preview()).toMatchObject({ wouldTrain: false, endpointAction: 'none', files: 1 });
  });

  it('would update an endpoint that is there', async () => {
    await world.put('2026-01-08.csv');
    expect(await preview()).toMatchObject({ endpointAction: 'update', warnings: [] });
  });

  it('would not train on nothing, even when forced', async () => {
    const found = await preview({ force: true });
    expect(found).toMatchObject({ wouldTrain: false, endpointAction: 'none', files: 0 });
    expect(found.reasons).toEqual([expect.stringMatching(/^no dated objects under/)]);
  });

  it('names a channel that is empty', async () => {
    await world.put('2026-01-08.csv');
    const found = await preview({ definition: world.definition({ data: { channels: ['validation'] } }) });
    expect(found.wouldTrain).toBe(false);
    expect(found.reasons[0]).toContain('/data/x/validation/');
  });

  it.each([
    ['Failed', 'delete it'],
    ['Updating', 'is Updating now, not InService'],
  ])('warns of an endpoint that is %s', async (EndpointStatus, words) => {
    await world.put('2026-01-08.csv');
    const { warnings } = await preview({}, { EndpointStatus });
    expect(warnings).toEqual([expect.stringContaining(words)]);
  });

  it.each([
    [true, /the run goes on without yours/],
    [false, /a run refuses it/],
  ])('warns of types that take no volume key (allowed: %s)', async (allowInstanceWithoutVolumeKey, words) => {
    await world.put('2026-01-08.csv');
    const definition = world.definition({
      training: { algorithm: 'linear-learner', instances: ['ml.m5.large', 'ml.g5.xlarge'] },
      encryption: { key: 'alias/perennial', allowInstanceWithoutVolumeKey },
    });
    expect((await preview({ definition })).warnings).toEqual([expect.stringMatching(words)]);
  });

  it('takes an image as it is given', async () => {
    const definition = world.definition({ training: { image: 'registry/own:1' } });
    expect((await preview({ definition })).image).toBe('registry/own:1');
  });

  it('names a region without a known registry', async () => {
    await expect(preview({}, NO_ENDPOINT, 'mars-north-1')).rejects.toMatchObject({
      type: 'DefinitionInvalid',
      message: expect.stringContaining('mars-north-1'),
    });
  });

  it('says which right is missing', async () => {
    await expect(preview({}, new Refusal('AccessDeniedException', 'no'))).rejects.toMatchObject({
      type: 'AccessDenied',
      message: expect.stringContaining('sagemaker:DescribeEndpoint'),
    });
  });
});
