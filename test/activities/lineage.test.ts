import { randomUUID } from 'node:crypto';
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  CreateTransformJobCommand,
  waitUntilEndpointInService,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compactTime, fileRecordKey, s3Uri } from '../../contracts/names.js';
import type { LineageAnswer } from '../../contracts/purge/lineage.js';
import { defaultStorage } from '../../contracts/storage/index.js';
import { trainingRequest } from '../local/fixtures/sagemaker.js';
import { file } from './support/insight-world.js';
import { lineageWorld, type LineageWorld } from './support/lineage-world.js';
import { failureOf, untilDone } from './support/local-sagemaker.js';
import { purgeOf } from './support/purges.js';
import { runActivity } from './support/world.js';

let world: LineageWorld['world'];
let hashes: LineageWorld['hashes'];
let activities: LineageWorld['activities'];
let time: LineageWorld['time'];
let close: LineageWorld['close'];
beforeAll(async () => {
  ({ world, hashes, activities, time, close } = await lineageWorld());
}, 60_000);
afterAll(() => close());

/** A key that no other test uses. */
const own = (name: string) => ({ ...file('train', '2026-01-01', name), key: `data/${name}/2026-01-01.csv` });
const uriOf = (key: string) => s3Uri(world.fixture.bucket, key);

async function ask(key: string, versionId?: string): Promise<LineageAnswer> {
  const { bucket } = world.fixture;
  const name = randomUUID();
  const inputUri = await world.put(`_perennial/exchange/${name}/input`, { uri: uriOf(key), versionId });
  const outputUri = uriOf(`_perennial/exchange/${name}/output`);
  await runActivity(activities.lineageOfFile, { inputUri, outputUri, storage: defaultStorage(bucket) });
  return world.read<LineageAnswer>(outputUri);
}

const usesIn = ({ files }: LineageAnswer) =>
  files.flatMap(({ etag, uses }) => uses.map(({ run, as, outcome }) => ({ etag, run, as, outcome })));

describe('who used a file', () => {
  it('is told by version, run, model and how: trained, held out, or only listed', async () => {
    const first = own('versions');
    const second = { ...first, etag: '"b"', versionId: 'v2' };
    const a = await world.run(time(), { modelName: 'm-a' }, { files: [first] });
    const between = await world.run(time(), { modelName: 'm-b' }, { files: [own('other')] });
    const b = await world.run(time(), { modelName: 'm-c' }, { files: [second] });
    const held = await world.run(time(), {}, { files: [own('other'), { ...second, channel: 'holdout' }] });
    const listed = await world.run(time(), { outcome: 'Failed', trainingJob: undefined }, { files: [second] });
    const answer = await ask(first.key);
    expect(answer.files.map(({ uri, etag, versionId }) => ({ uri, etag, versionId }))).toEqual([
      { uri: uriOf(first.key), etag: '"versions"', versionId: undefined },
      { uri: uriOf(first.key), etag: '"b"', versionId: 'v2' },
    ]);
    expect(usesIn(answer)).toEqual([
      { etag: '"versions"', run: a.run, as: 'trained', outcome: 'Deployed' },
      { etag: '"b"', run: b.run, as: 'trained', outcome: 'Deployed' },
      { etag: '"b"', run: held.run, as: 'judged', outcome: 'Deployed' },
      { etag: '"b"', run: listed.run, as: 'judged', outcome: 'Failed' },
    ]);
    expect(JSON.stringify(answer)).not.toContain(between.run);
    expect(usesIn(await ask(first.key, 'v2')).map(({ run }) => run)).toEqual([b.run, held.run, listed.run]);
  });

  it('counts runs that the ledger never heard of, and those that left no outcome', async () => {
    const seen = own('unindexed');
    const known = await world.run(time(), {}, { files: [own('other')] });
    const at = time();
    const unindexed = await world.run(at, { modelName: 'm-u' }, { files: [seen], indexed: false });
    const cut = time();
    const { bucket, output } = { bucket: world.fixture.bucket, output: world.definition().data.output };
    const run = `retrain/housing/${cut}`;
    await world.put(fileRecordKey(output, cut), {
      ...{ version: 1, model: 'housing', run, bucket, asOf: '2026-02-01', dataHash: 'd', definitionHash: 'f' },
      files: [seen],
    });
    expect(known.run).toBeDefined();
    expect(usesIn(await ask(seen.key))).toEqual([
      { etag: seen.etag, run: unindexed.run, as: 'trained', outcome: 'Deployed' },
      { etag: seen.etag, run, as: 'judged', outcome: 'Unfinished' },
    ]);
  });

  it('answers that no run used it, be the key a neighbour of one that was', async () => {
    await world.run(time(), {}, { files: [own('neighbour')] });
    expect(await ask('data/neighbour/2026-01-01.cs')).toMatchObject({ files: [], endpoints: [], batchOutputs: [] });
  });

  it('does not repeat what stands in a question that is none', async () => {
    const inputUri = await world.put('_perennial/exchange/odd/input', { uri: 'anna.csv' });
    const question = { inputUri, outputUri: uriOf('_perennial/odd'), storage: defaultStorage(world.fixture.bucket) };
    const failure = await failureOf(runActivity(activities.lineageOfFile, question));
    expect(failure.type).toBe('InvalidRequest');
    expect(failure.message).not.toContain('anna');
  });
});

describe('endpoints', () => {
  it('are those that its models served on, by change of hand too; without SageMaker nothing is live', async () => {
    const seen = own('served');
    const at = (name: string) => ({ endpoint: 'served', endpointConfig: name, deployedAt: time(), modelName: name });
    const first = await world.run(time(), at('served-1'), { files: [seen] });
    const second = await world.run(time(), at('served-2'), { files: [own('other')] });
    const back = time();
    const rollback = {
      ...first,
      ...{ kind: 'rollback' as const, run: `rollback/housing/${back}`, startedAt: back, trainingJob: undefined },
      ...{ deployedAt: back },
    };
    await world.ledger.recordRun({ uri: uriOf('models/housing/back.json'), outcome: rollback });
    const { endpoints } = await ask(seen.key);
    expect(endpoints.map(({ run, modelName, live }) => ({ run, modelName, live }))).toEqual([
      { run: rollback.run, modelName: 'served-1', live: false },
      { run: first.run, modelName: 'served-1', live: false },
    ]);
    expect(JSON.stringify(endpoints)).not.toContain(second.run);
  });
});

describe('an endpoint that serves', () => {
  const serve = async (endpoint: string, model: string, config = model) => {
    const { client, bucket } = world.fixture;
    await world.put('none/model.tar.gz', {});
    await client.send(
      new CreateModelCommand({
        ModelName: model,
        ExecutionRoleArn: 'arn:aws:iam::000000000000:role/sagemaker',
        PrimaryContainer: { Image: 'probe', ModelDataUrl: `s3://${bucket}/none/model.tar.gz` },
      }),
    );
    const variant = {
      VariantName: 'prod',
      ModelName: model,
      InstanceType: 'ml.m5.large' as const,
      InitialInstanceCount: 1,
    };
    await client.send(new CreateEndpointConfigCommand({ EndpointConfigName: config, ProductionVariants: [variant] }));
    await client.send(new CreateEndpointCommand({ EndpointName: endpoint, EndpointConfigName: config }));
    await waitUntilEndpointInService({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { EndpointName: endpoint });
  };
  beforeAll(() => world.fixture.rule({ match: '', kind: 'endpoint', action: 'complete' }));

  it('is live by the word of SageMaker, and comes first', async () => {
    const seen = own('live');
    const at = (name: string) => ({ endpoint: 'alive', endpointConfig: name, deployedAt: time(), modelName: name });
    const first = await world.run(time(), at('alive-1'), { files: [seen] });
    await world.run(time(), at('alive-2'), { files: [seen] });
    // A person put the first one back, by the console: the ledger has not heard of it.
    await serve('alive', 'alive-1');
    const { endpoints, warnings } = await ask(seen.key);
    expect(endpoints.map(({ modelName, live }) => [modelName, live])).toEqual([
      ['alive-1', true],
      ['alive-2', false],
    ]);
    expect({ run: endpoints[0]?.run, warnings }).toEqual({ run: first.run, warnings: [] });
    const work = await purgeOf(world.s3, world.fixture.bucket, [{ bucket: world.fixture.bucket, key: seen.key }]);
    expect(await runActivity(activities.lineageOfTargets, work)).toMatchObject({ runs: 2, live: ['housing'] });
  });

  it('is live with a config that no run made, which a warning says', async () => {
    const seen = own('stray');
    const deployed = { endpoint: 'stray', endpointConfig: 'stray-1', deployedAt: time(), modelName: 'stray-1' };
    const run = await world.run(time(), deployed, { files: [seen] });
    await serve('stray', 'stray-1', 'by-hand');
    const { endpoints, warnings } = await ask(seen.key);
    expect(endpoints.map(({ endpointConfig, live }) => [endpointConfig, live])).toEqual([
      ['by-hand', true],
      ['stray-1', false],
    ]);
    expect(endpoints[0]).toMatchObject({ run: run.run, modelName: 'stray-1' });
    expect(warnings).toEqual([expect.stringMatching(/endpoint stray serves with config by-hand, which no run/)]);
  });
});

describe('batch outputs', () => {
  beforeAll(() => world.fixture.rule({ match: '', kind: 'transform-job', action: 'complete' }));

  const transform = async (name: string, model: string, input: string) => {
    const { client, bucket } = world.fixture;
    await client.send(
      new CreateModelCommand({
        ModelName: model,
        ExecutionRoleArn: 'arn:aws:iam::000000000000:role/sagemaker',
        PrimaryContainer: { Image: 'probe', ModelDataUrl: `s3://${bucket}/none/model.tar.gz` },
      }),
    );
    await client.send(
      new CreateTransformJobCommand({
        TransformJobName: name,
        ModelName: model,
        TransformInput: {
          DataSource: { S3DataSource: { S3DataType: 'S3Prefix', S3Uri: `s3://${bucket}/${input}` } },
          ContentType: 'text/csv',
        },
        TransformOutput: { S3OutputPath: `s3://${bucket}/out/${name}/` },
        TransformResources: { InstanceType: 'ml.m5.large', InstanceCount: 1 },
      }),
    );
  };

  it('are those that its models made, and those of transforms that read it', async () => {
    const seen = own('batch');
    await world.run(time(), { modelName: 'batch-model' }, { files: [seen] });
    const made = 'housing-20260301T000000000Z-t1';
    const read = 'housing-20260302T000000000Z-t1';
    await world.put('none/model.tar.gz', {});
    await transform(made, 'batch-model', 'elsewhere/');
    await transform(read, 'unrelated', 'data/batch/');
    await transform('housing-20260303T000000000Z-t1', 'third', 'elsewhere/');
    const { batchOutputs } = await ask(seen.key);
    expect(batchOutputs.map(({ transformJob, because }) => [transformJob, because]).sort()).toEqual([
      [made, 'model'],
      [read, 'input'],
    ]);
  });
});

describe('for a purge', () => {
  const purge = (...targets: Parameters<typeof purgeOf>[2]) => purgeOf(world.s3, world.fixture.bucket, targets);

  it('sums up who saw the targets, with hashes in place of keys, and finds them by hash once they are gone', async () => {
    const seen = own('purged');
    const { bucket } = world.fixture;
    const run = await world.run(time(), { modelName: 'm-p' }, { files: [seen, own('kept')] });
    const work = await purge({ bucket, key: seen.key }, { bucket, prefix: 'data/nothing/' });
    const summary = await runActivity(activities.lineageOfTargets, work);
    expect(summary).toMatchObject({ runs: 1, models: ['housing'], live: [], runningJobs: [], batchOutputs: 0 });
    expect(JSON.stringify(summary)).not.toContain(seen.key);
    const answer = await world.read<LineageAnswer>(summary.lineageUri);
    const hash = (await hashes()).object(bucket, seen.key);
    expect(answer.files.map(({ uri }) => uri)).toEqual([`purged:${hash}`]);
    await runActivity(activities.redactRecords, work);
    expect(usesIn(await ask(seen.key)).map((use) => use.run)).toEqual([run.run]);
    const again = await runActivity(activities.lineageOfTargets, await purge({ bucket, key: seen.key }));
    expect(again).toMatchObject({ runs: 1, models: ['housing'] });
  });

  it('keeps the keys in the answer of a dry run, which goes where it is asked to alone', async () => {
    const seen = own('dry');
    await world.run(time(), {}, { files: [seen] });
    const work = await purge({ bucket: world.fixture.bucket, prefix: 'data/dry/' });
    const outputUri = uriOf('_perennial/exchange/dry/output');
    const summary = await runActivity(activities.lineageOfTargets, { ...work, outputUri });
    expect(summary.lineageUri).toBe(outputUri);
    expect((await world.read<LineageAnswer>(outputUri)).files.map(({ uri }) => uri)).toEqual([uriOf(seen.key)]);
  });

  it('names the jobs that read a target now, also of a model whose first run it is, and stops them', async () => {
    const { client, bucket } = world.fixture;
    const at = time();
    const job = `newcomer-${compactTime(at)}-1`;
    const OutputDataConfig = { S3OutputPath: `s3://${bucket}/models/newcomer/artifacts` };
    await world.put(fileRecordKey('models/newcomer/', at), {
      ...{ version: 1, model: 'newcomer', run: `retrain/newcomer/${at}`, bucket, asOf: '2026-02-01' },
      ...{ dataHash: 'd', definitionHash: 'f', files: [own('running')] },
    });
    await world.fixture.rule({ match: job, kind: 'training-job', action: 'slow', delayMs: 600_000 });
    await client.send(new CreateTrainingJobCommand(trainingRequest({ bucket }, job, {}, { OutputDataConfig })));
    const work = await purge({ bucket, key: own('running').key });
    const summary = await runActivity(activities.lineageOfTargets, work);
    expect(summary).toMatchObject({ runs: 1, models: ['newcomer'], live: [], runningJobs: [job] });
    const other = await runActivity(activities.lineageOfTargets, await purge({ bucket, key: own('idle').key }));
    expect(other.runningJobs).toEqual([]);
    expect(await untilDone(activities.stopReaders, { ...work, jobs: [job] })).toEqual({ stopped: [job] });
    expect(await runActivity(activities.lineageOfTargets, work)).toMatchObject({ runningJobs: [] });
  });

  it('counts declared copies as what they are copies of', async () => {
    const seen = own('copied');
    const { bucket } = world.fixture;
    await world.run(time(), {}, { files: [seen] });
    const rule = { bucket: 'originals', prefix: '', toBucket: bucket, toPrefix: 'data/', suffix: '' };
    const storage = { copies: [rule] };
    const work = await purgeOf(world.s3, bucket, [{ bucket: 'originals', key: 'copied/2026-01-01.csv' }], { storage });
    expect(await runActivity(activities.lineageOfTargets, work)).toMatchObject({ runs: 1 });
  });
});
