import { randomUUID } from 'node:crypto';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { CreateBucketCommand, DeleteObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  UpdateEndpointCommand,
  waitUntilEndpointInService,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lineageOf } from '../../activities/lineage/answer.js';
import { NOTHING_EARLIER } from '../../activities/lineage/earlier.js';
import { Matcher } from '../../activities/lineage/matcher.js';
import { Prefixes } from '../../activities/lineage/places.js';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import type { PurgeWork } from '../../contracts/purge/index.js';
import type { LineageAnswer, LineageSummary } from '../../contracts/purge/lineage.js';
import type { FileRecord } from '../../contracts/records.js';
import type { Ledger } from '../../ledger/store.js';
import { file } from './support/insight-world.js';
import { lineageWorld, type LineageWorld } from './support/lineage-world.js';
import { purgeOf } from './support/purges.js';
import { runActivity } from './support/world.js';

let world: LineageWorld['world'];
let hashes: LineageWorld['hashes'];
let activities: LineageWorld['activities'];
let time: LineageWorld['time'];
let close: LineageWorld['close'];
beforeAll(async () => {
  ({ world, hashes, activities, time, close } = await lineageWorld());
  await world.fixture.rule({ match: '', kind: 'endpoint', action: 'complete' });
}, 60_000);
afterAll(() => close());

const entry = (place: string, name = '2026-01-01') => ({
  ...file('train', '2026-01-01'),
  key: `data/${place}/${name}.csv`,
});
const under = (place: string) => ({ bucket: world.fixture.bucket, prefix: `data/${place}/` });
type Targets = Parameters<typeof purgeOf>[2];
const purge = (request: string, ...targets: Targets) => purgeOf(world.s3, world.fixture.bucket, targets, { request });
const look = (work: PurgeWork) => runActivity(activities.lineageOfTargets, work);
const sum = ({ runs, models, live }: LineageSummary) => ({ runs, models, live });

/** What the chain has of a purge before anything is touched. */
async function requested({ ref: { request, execution } }: PurgeWork): Promise<void> {
  const body = { request, execution, by: 'desk', reason: 'erasure', targets: { objects: 0, prefixes: 1, values: 0 } };
  await world.ledger.appendChain([{ kind: 'requested', body }], () => 'seal');
}

/** A purge up to its end in the chain; `targets` as the report has them. */
async function played(work: PurgeWork, targets: Targets, end: object = {}): Promise<LineageSummary> {
  await requested(work);
  const lineage = await look(work);
  await runActivity(activities.redactRecords, work);
  const { request, execution } = work.ref;
  const keyed = await hashes();
  const rows = targets.flatMap((target) => {
    if ('value' in target) return [];
    const hash = 'key' in target ? keyed.object(target.bucket, target.key) : keyed.prefix(target.bucket, target.prefix);
    return [{ kind: 'target' as const, body: { request, execution, target: { hash } } }];
  });
  const ended = { kind: 'ended' as const, body: { request, execution, outcome: 'Purged', lineage, ...end } };
  await world.ledger.appendChain([...rows, ended], () => 'seal');
  return lineage;
}

/** A purge of `data/<place>/` by itself. */
const playedUnder = async (request: string, place: string) =>
  played(await purge(request, under(place)), [under(place)]);

async function serve(endpoint: string, model: string): Promise<void> {
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
    InstanceType: 'ml.m5.large',
    InitialInstanceCount: 1,
  } as const;
  await client.send(new CreateEndpointConfigCommand({ EndpointConfigName: model, ProductionVariants: [variant] }));
  const wanted = { EndpointName: endpoint, EndpointConfigName: model };
  await client.send(new CreateEndpointCommand(wanted)).catch(() => client.send(new UpdateEndpointCommand(wanted)));
  await waitUntilEndpointInService({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { EndpointName: endpoint });
}

const deployed = (endpoint: string, name: string) => ({
  ...{ endpoint, endpointConfig: name, modelName: name },
  deployedAt: time(),
});

describe('a purge of a prefix that is gone on with', () => {
  it('names what the first one found under it, with what is live now', async () => {
    const seen = [entry('again', 'a'), entry('again', 'b')];
    await world.run(time(), deployed('again', 'again-1'), { files: [...seen, entry('kept')] });
    // No run that the ledger has: of these the records alone tell.
    const listed = await world.run(time(), { modelName: 'again-u' }, { files: seen.slice(1), indexed: false });
    await world.run(time(), {}, { files: [entry('kept')] });
    await serve('again', 'again-1');
    // The first one was terminated before its end was recorded.
    const first = await purge('R-1', under('again'));
    await requested(first);
    const found = await look(first);
    expect(sum(found)).toEqual({ runs: 2, models: ['housing'], live: ['housing'] });
    await runActivity(activities.redactRecords, first);

    const second = await look(await purge('R-1', under('again')));
    expect(sum(second)).toEqual(sum(found));
    const answer = await world.read<LineageAnswer>(second.lineageUri);
    const keyed = await hashes();
    expect(answer.files.map(({ uri }) => uri).sort()).toEqual(
      seen.map(({ key }) => `purged:${keyed.object(world.fixture.bucket, key)}`).sort(),
    );
    expect(JSON.stringify(answer)).toContain(listed.run);
    expect(JSON.stringify(answer)).not.toContain('data/again');

    // A model that was trained anew did not see it: nothing is left to train.
    await world.run(time(), deployed('again', 'again-2'), { files: [entry('kept')] });
    await serve('again', 'again-2');
    expect(sum(await look(await purge('R-1', under('again'))))).toEqual({ ...sum(found), live: [] });
  });

  it('takes over what an execution found that is recorded elsewhere by now, and batch outputs that are no longer listed', async () => {
    await world.run(time(), { modelName: 'moved-1' }, { files: [entry('moved')] });
    const first = await purge('R-2', under('moved'));
    const found = await played(first, [under('moved')]);
    const answer = await world.read<LineageAnswer>(found.lineageUri);
    const output = { transformJob: 'housing-20260101T000000000Z-t1', modelName: 'moved-1', outputUri: 's3://o/' };
    await world.put(parseS3Uri(found.lineageUri).key, {
      ...answer,
      batchOutputs: [...answer.batchOutputs, { ...output, because: 'model' }],
    });
    const bucket = `records-${randomUUID()}`;
    await world.s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const work = await purge('R-2', under('moved'));
    const moved = { ...work, storage: { ...work.storage, records: { ...work.storage.records, bucket } } };
    expect(await look(moved)).toMatchObject({ runs: 1, batchOutputs: 1 });
  });

  it('says that it can not know what an execution found whose answer was removed', async () => {
    await world.run(time(), {}, { files: [entry('lost')] });
    const found = await playedUnder('R-3', 'lost');
    const { bucket: Bucket, key: Key } = parseS3Uri(found.lineageUri);
    await world.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    const summary = await look(await purge('R-3', under('lost')));
    expect(summary.runs).toBe(0);
    const { warnings } = await world.read<LineageAnswer>(summary.lineageUri);
    expect(warnings).toEqual([
      `${found.lineageUri}, which an earlier purge wrote, is gone or edited: what it found is not known`,
    ]);
  });
});

describe('a prefix that another request purged before', () => {
  it('is known where that one named nothing else, by a dry run too', async () => {
    await world.run(time(), {}, { files: [entry('other')] });
    expect((await playedUnder('R-4', 'other')).runs).toBe(1);
    const work = await purge('R-5', under('other'), under('more'));
    expect(await look(work)).toMatchObject({ runs: 1, models: ['housing'] });
    const outputUri = s3Uri(world.fixture.bucket, '_perennial/exchange/again/output');
    const ref = { ...work.ref, request: 'plan' };
    expect(await runActivity(activities.lineageOfTargets, { ...work, ref, outputUri })).toMatchObject({ runs: 1 });
    expect((await look(await purge('R-5', under('oth')))).runs).toBe(0);
  });

  it('is not told from what that one named besides, which is said', async () => {
    const targets = [under('mixed'), { bucket: world.fixture.bucket, key: entry('beside').key }];
    await world.run(time(), {}, { files: [entry('beside')] });
    expect((await played(await purge('R-6', ...targets), targets)).runs).toBe(1);
    const summary = await look(await purge('R-7', under('mixed')));
    expect(summary).toMatchObject({ runs: 0, elsewhere: ['R-6'] });
    const { warnings } = await world.read<LineageAnswer>(summary.lineageUri);
    expect(warnings).toEqual([expect.stringMatching(/^request R-6 erased a prefix together with other targets: /)]);
    expect(await look(await purge('R-8', ...targets))).not.toHaveProperty('elsewhere');
  });
});

it('lists every run by a file at least, however many uses there are', async () => {
  const files = Array.from({ length: 50_000 }, (_, at) => entry('many', String(at)));
  const record = (name: string, own: FileRecord['files']) => ({
    run: { run: `retrain/m/${name}`, model: 'm', outcome: 'Trained', fileRecordUri: 's3://r/f', trainingJob: name },
    record: {
      ...{ version: 1 as const, model: 'm', run: name, bucket: 'b', asOf: '', dataHash: '', definitionHash: '' },
      files: own,
    },
    files: own,
  });
  const noTargets = (async function* () {})();
  const ledger = { servedBy: async () => [] } as unknown as Ledger;
  const keyed = await hashes();
  const interest = { keys: new Set<string>(), prefixes: new Prefixes() };
  const seen = {
    matcher: await Matcher.of(noTargets, { ledger, hashes: keyed, interest }),
    ...{ running: [], transforms: [], sources: [], warnings: [], earlier: NOTHING_EARLIER },
    async *uses() {
      yield record('first', files);
      yield record('last', [entry('new', '1'), entry('new', '2')]);
    },
  };
  const { answer } = await lineageOf({ s3: world.s3, sagemaker: {} as SageMakerClient, ledger }, seen, {
    shown: (_bucket, key) => key,
  });
  expect(answer.files.filter(({ uri }) => uri.startsWith('data/new'))).toMatchObject([
    { uri: entry('new', '1').key, uses: [{ run: 'retrain/m/last' }] },
  ]);
  expect(answer.warnings).toEqual(['1 further uses are counted, and not listed: ask for single files']);
});
