import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { dataHash } from '../../activities/data/hashes.js';
import { keyedHashes } from '../../activities/keyed-hashes.js';
import { createLineageActivities } from '../../activities/lineage/index.js';
import { fileRecordKey, manifestKey, outcomeKey, predictionsPrefix, s3Uri, scoreKey } from '../../contracts/names.js';
import type { LineageActivities, LineageAnswer } from '../../contracts/purge/lineage.js';
import type { FileEntry, FileRecord, OutcomeObject } from '../../contracts/records.js';
import type { Ledger } from '../../ledger/store.js';
import { awsClients } from '../support/aws.js';
import { evaluation, file, InsightWorld } from './support/insight-world.js';
import { failureOf } from './support/local-sagemaker.js';
import { keepVersions, purgeOf, versionsOf } from './support/purges.js';
import { runActivity, World } from './support/world.js';

let world: InsightWorld;
let activities: LineageActivities;
const { ssm } = awsClients(inject('aws').endpoint);
const hashes = keyedHashes(ssm);
const over = (ledger: Ledger) =>
  createLineageActivities({
    s3: world.s3,
    sagemaker: world.fixture.client,
    ledger: async () => ledger,
    hashes,
    declared: async () => [],
  });
beforeAll(async () => {
  world = await InsightWorld.make();
  activities = over(world.ledger);
  await keepVersions(world.s3, world.fixture.bucket);
}, 60_000);
afterAll(async () => {
  ssm.destroy();
  await world.close();
});

let minutes = 0;
const time = () => new Date(Date.UTC(2026, 1, 1) + 60_000 * minutes++).toISOString();
const OUTPUT = 'models/housing/';
const uriOf = (key: string) => s3Uri(world.fixture.bucket, key);
const entry = (person: string, channel = 'train', date = '2026-01-01'): FileEntry => ({
  ...file(channel, date),
  key: `data/people/train/${date}/${person}.csv`,
});
const purge = (...targets: Parameters<typeof purgeOf>[2]) => purgeOf(world.s3, world.fixture.bucket, targets);
const target = ({ key }: FileEntry) => ({ bucket: world.fixture.bucket, key });
const hashOf = async ({ key }: FileEntry) => `purged:${(await hashes()).object(world.fixture.bucket, key)}`;
/** Everything that the bucket ever held but lists of targets, as one text: keys and bodies of all versions. */
const everything = async () => {
  const all = await versionsOf(world.s3, world.fixture.bucket, OUTPUT);
  return all.map(({ key, text }) => `${key} ${text}`).join('\n');
};

/** A run with manifests, and a score and predictions of its holdout. */
async function judgedRun(files: FileEntry[], at = time()): Promise<OutcomeObject> {
  const held = files.filter(({ channel }) => channel === 'holdout');
  const judged = { ...evaluation(dataHash(held), 0.2) };
  const outcome = await world.run(at, { evaluation: judged, modelName: `m-${at}` }, { files });
  const prefix = uriOf('data/people/train/');
  const paths = (of: FileEntry[]) => of.map(({ key }) => key.slice('data/people/train/'.length));
  const train = files.filter(({ channel }) => channel === 'train');
  await world.put(manifestKey(OUTPUT, at, 'train'), [{ prefix }, ...paths(train)]);
  await world.put(manifestKey(OUTPUT, at, 'holdout'), [{ prefix }, ...paths(held)]);
  for (const path of paths(held)) await world.put(`${predictionsPrefix(OUTPUT, at)}candidate/${path}.out`, [1]);
  const score = { version: 1, modelName: 'm', holdoutHash: judged.holdout.hash, rows: 2, metrics: {}, notes: [] };
  await world.put(scoreKey(OUTPUT, `m-${at}`, judged.holdout.hash), { ...score, sample: [[1, 1.1]] });
  return outcome;
}

describe('records of runs that used a target', () => {
  it('lose its key in every version: file record, manifests, scores, predictions and ledger', async () => {
    const [anna, ben, held] = [entry('anna'), entry('ben'), entry('anna', 'holdout', '2026-01-31')];
    const benHeld = entry('ben', 'holdout', '2026-01-31');
    const at = time();
    const run = await judgedRun([anna, ben, held, benHeld], at);
    const other = await judgedRun([entry('carl'), entry('dora', 'holdout')]);
    const work = await purge(target(anna), target(held));
    const before = await everything();
    const outputUri = uriOf('_perennial/exchange/plan');
    const planned = await runActivity(activities.lineageOfTargets, { ...work, outputUri });
    expect(planned.records).toEqual({ fileRecords: 1, manifests: 2, scores: 2 });
    expect((await world.read<LineageAnswer>(outputUri)).records?.toSorted()).toEqual(
      [
        ...['train', 'holdout'].map((channel) => uriOf(manifestKey(OUTPUT, at, channel))),
        uriOf(fileRecordKey(OUTPUT, at)),
        uriOf(`${predictionsPrefix(OUTPUT, at)}candidate/2026-01-31/anna.csv.out`),
        uriOf(scoreKey(OUTPUT, `m-${at}`, run.evaluation?.holdout.hash ?? '')),
      ].sort(),
    );
    expect(await everything()).toBe(before);
    expect(await runActivity(activities.redactRecords, work)).toEqual({
      ...{ fileRecords: 1, manifests: 2, ledgerRows: 2 },
      scores: 2,
    });
    expect(await everything()).not.toContain('anna');
    const record = await world.read<FileRecord>(uriOf(fileRecordKey(OUTPUT, at)));
    expect(record.files.map(({ key }) => key)).toEqual([await hashOf(anna), ben.key, await hashOf(held), benHeld.key]);
    expect(record.dataHash).toBe(run.dataHash);
    expect(await world.read(uriOf(manifestKey(OUTPUT, at, 'train')))).toEqual([
      { prefix: uriOf('data/people/train/') },
      '2026-01-01/ben.csv',
    ]);
    const hash = run.evaluation?.holdout.hash ?? '';
    expect(await world.read(uriOf(scoreKey(OUTPUT, `m-${at}`, hash)))).toMatchObject({ rows: 2, sample: [] });
    const kept = other.evaluation?.holdout.hash ?? '';
    expect(await world.read(uriOf(scoreKey(OUTPUT, other.modelName ?? '', kept)))).toMatchObject({
      sample: [[1, 1.1]],
    });
    expect((await world.ledger.filesOfRun(run.run)).map(({ key }) => key).sort()).toEqual(
      [await hashOf(anna), ben.key, await hashOf(held), benHeld.key].sort(),
    );
    // Once more it finds nothing to do.
    const nothing = { fileRecords: 0, manifests: 0, scores: 0, ledgerRows: 0 };
    expect(await runActivity(activities.redactRecords, work)).toEqual(nothing);
  });

  it('of a prefix lose all keys below it, also where the first try was broken off', async () => {
    const [eve, fred] = [entry('eve/1'), entry('eve/2')];
    const at = time();
    const run = await judgedRun([eve, fred, entry('gina')], at);
    const unindexed = time();
    await world.run(unindexed, {}, { files: [eve], indexed: false });
    const work = await purge({ bucket: world.fixture.bucket, prefix: 'data/people/train/2026-01-01/eve/' });
    const broken = over({ ...world.ledger, keysUnder: () => Promise.reject(new Error('connection lost')) });
    expect((await failureOf(runActivity(broken.redactRecords, work))).nonRetryable).toBe(false);
    expect(await everything()).not.toContain('eve');
    expect((await world.ledger.usesOfFile(world.fixture.bucket, eve.key)).length).toBe(1);
    expect(await runActivity(activities.redactRecords, work)).toMatchObject({ fileRecords: 0, ledgerRows: 2 });
    expect(await world.ledger.usesOfFile(world.fixture.bucket, eve.key)).toEqual([]);
    expect((await world.ledger.usesOfFile(world.fixture.bucket, await hashOf(eve)))[0]).toMatchObject({
      firstRun: run.run,
    });
  });

  it('erases the old versions that a try left which was broken off after it rewrote a record', async () => {
    const ida = entry('ida');
    const at = time();
    await judgedRun([ida], at);
    const key = fileRecordKey(OUTPUT, at);
    const record = await world.read<FileRecord>(uriOf(key));
    const files = record.files.map((one) => ({ ...one }));
    await world.put(key, { ...record, files: files.map((one) => ({ ...one, key: '' })) });
    await world.put(key, { ...record, files: [{ ...ida, key: await hashOf(ida) }] });
    await runActivity(
      activities.redactRecords,
      await purge({ bucket: world.fixture.bucket, prefix: 'data/people/train/2026-01-01/ida' }),
    );
    expect(await versionsOf(world.s3, world.fixture.bucket, key)).toHaveLength(1);
  });

  it('lose the keys of purges that run side by side', async () => {
    const people = ['mia', 'nils', 'olga', 'paul'].map((person) => entry(person));
    const at = time();
    await judgedRun([...people, entry('quentin')], at);
    const works = await Promise.all(people.map((person) => purge(target(person))));
    await Promise.all(works.map((work) => runActivity(activities.redactRecords, work)));
    const { files } = await world.read<FileRecord>(uriOf(fileRecordKey(OUTPUT, at)));
    expect(files.map(({ key }) => key)).toEqual([...(await Promise.all(people.map(hashOf))), entry('quentin').key]);
    expect(await everything()).not.toMatch(/mia|nils|olga|paul/);
  });

  it('make the same ledger again', async () => {
    const jo = entry('jo');
    const run = await judgedRun([jo, entry('kim')]);
    await runActivity(activities.redactRecords, await purge(target(jo)));
    const before = await world.ledger.usesOfFile(world.fixture.bucket, await hashOf(jo));
    const outcomes = [];
    for (const { run: id } of await world.ledger.listRuns({ limit: 1_000 })) {
      const stored = await world.ledger.getRun(id);
      if (stored) outcomes.push(stored);
    }
    const stream = (async function* () {
      yield* outcomes;
    })();
    await world.ledger.rebuild(stream, (uri) => world.read<FileRecord>(uri));
    expect(await world.ledger.usesOfFile(world.fixture.bucket, await hashOf(jo))).toEqual(before);
    expect(before[0]).toMatchObject({ firstRun: run.run, lastRun: run.run });
  });

  it('stay as they are where rows are erased: the objects keep their keys', async () => {
    const lea = entry('lea');
    const at = time();
    await judgedRun([lea], at);
    const work = { ...(await purge(target(lea))), options: { column: 2 } };
    expect(await runActivity(activities.redactRecords, work)).toMatchObject({ fileRecords: 0, ledgerRows: 0 });
    expect(await runActivity(activities.setTombstones, work)).toEqual({ objects: 0, prefixes: 0 });
    expect((await world.read<FileRecord>(uriOf(fileRecordKey(OUTPUT, at)))).files[0]?.key).toBe(lea.key);
    expect((await world.read<OutcomeObject>(uriOf(outcomeKey(OUTPUT, at)))).run).toContain(at);
  });
});

it('counts as a file removed for the next run, whose record is compared with the redacted one', async () => {
  const checking = await World.make();
  const lineage = createLineageActivities({
    s3: checking.s3,
    sagemaker: world.fixture.client,
    ledger: async () => world.ledger,
    hashes,
    declared: async () => [{ model: checking.model, bucket: checking.bucket, output: `models/${checking.model}/` }],
  });
  await checking.putAll(['2026-01-01.csv', '2026-01-02.csv']);
  await checking.deploy();
  expect(await checking.check()).toMatchObject({ news: false });
  const gone = { bucket: checking.bucket, key: 'data/x/train/2026-01-02.csv' };
  const work = await purgeOf(checking.s3, checking.bucket, [gone]);
  await checking.run(lineage.setTombstones, work);
  expect(await checking.run(lineage.redactRecords, work)).toMatchObject({ fileRecords: 1, manifests: 1 });
  const { news, removed, reasons } = await checking.check();
  expect({ news, removed }).toEqual({ news: true, removed: 1 });
  expect(reasons.join()).toContain('0 new files, 0 changed, 1 removed');
  checking.close();
});
