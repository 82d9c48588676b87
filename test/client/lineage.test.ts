import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { keyedHashes } from '../../activities/keyed-hashes.js';
import { createLineageActivities, declaredSources } from '../../activities/lineage/index.js';
import type { AuditEvent } from '../../contracts/purge/audit.js';
import type { LineageActivities, LineageAnswer } from '../../contracts/purge/lineage.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { file } from '../activities/support/insight-world.js';
import { purgeOf } from '../activities/support/purges.js';
import { runActivity } from '../activities/support/world.js';
import { awsClients } from '../support/aws.js';
import type { InsightSetting } from './insight-setting.js';
import { insightSetting } from './insight-setting.js';
import { call, temporaryFolder } from './terminal.js';

let setting: InsightSetting;
let run: OutcomeObject;
let activities: LineageActivities;
const recorded: AuditEvent[] = [];
const { ssm } = awsClients(inject('aws').endpoint);
beforeAll(async () => {
  setting = await insightSetting();
  const { world, at } = setting;
  activities = createLineageActivities({
    s3: world.s3,
    sagemaker: world.fixture.client,
    ledger: async () => world.ledger,
    hashes: keyedHashes(ssm),
    declared: async () => [],
  });
  at.override({
    ...activities,
    recordAudit: async ({ event }) => {
      recorded.push(event);
      return { sequence: 7, head: 'h' };
    },
  });
  run = await world.run(
    '2026-01-31T09:00:00.000Z',
    { modelName: 'housing-1' },
    { files: [file('train', '2026-01-01')] },
  );
}, 120_000);
afterAll(async () => {
  ssm.destroy();
  await setting.close();
});

const uri = () => `s3://${setting.world.fixture.bucket}/data/housing/train/2026-01-01.csv`;
const perennial = (...argv: string[]) => call(setting.at.env, argv);
/** What is left of exchange objects, in any version. */
const exchanged = async () => {
  const query = { Bucket: setting.world.fixture.bucket, Prefix: '_perennial/exchange/' };
  return (await setting.world.s3.send(new ListObjectVersionsCommand(query))).Versions ?? [];
};
/** Inputs, results and failures of every workflow so far, as one text. */
const histories = async () => {
  const texts: string[] = [];
  const { workflow } = setting.at.client;
  for await (const { workflowId, runId } of workflow.list())
    texts.push(JSON.stringify(await workflow.getHandle(workflowId, runId).fetchHistory()));
  return texts.map((text) => text.replaceAll(/"data":"([^"]+)"/g, (_all, data: string) => atob(data))).join('\n');
};

it('looks for records where applied models leave theirs, before their first run has ended', async () => {
  await setting.apply('newcomer');
  const declared = () => runActivity(() => declaredSources(), undefined, setting.at.client);
  const source = { model: 'newcomer', bucket: setting.world.fixture.bucket, output: 'models/newcomer/' };
  // Visibility lags behind.
  await vi.waitFor(async () => expect(await declared()).toContainEqual(source), { timeout: 20_000, interval: 200 });
});

describe('lineage', () => {
  it('says who saw a file, and leaves no exchange object and no key in history', async () => {
    const { code, out, err } = await perennial('lineage', uri());
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^1 run of housing used it, 1 to train on; no endpoint serves a model that trained on it$/m);
    expect(out).toMatch(new RegExp(`^${run.run} +trained +train +Deployed +housing-1$`, 'm'));
    expect(await exchanged()).toEqual([]);
    expect(await histories()).not.toContain('2026-01-01.csv');
  });

  it('takes a personal key from a file, and prints everything as JSON', async () => {
    const folder = await temporaryFolder({ 'key.txt': `${uri()}\n` });
    const { code, json } = await perennial('lineage', '--from', join(folder, 'key.txt'), '--json');
    expect(code).toBe(0);
    expect(json<LineageAnswer>().files[0]).toMatchObject({ uri: uri(), uses: [{ run: run.run, as: 'trained' }] });
  });

  it('says of a file that no run used what to check', async () => {
    const { code, out } = await perennial('lineage', `${uri()}.bak`);
    expect(code).toBe(0);
    expect(out).toMatch(/^no run used it\ncheck the key letter by letter/);
  });

  it('finds only the version that is asked about', async () => {
    const { json } = await perennial('lineage', uri(), '--version-id', 'another', '--json');
    expect(json<LineageAnswer>().files).toEqual([]);
  });

  it.each([
    [[], 'give either the URI or --from'],
    [['not-a-uri'], 'is not the URI of an object'],
  ])('refuses %j with code 2', async (argv, words) => {
    const { code, err } = await perennial('lineage', ...argv);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});

describe('purge lift', () => {
  const lift = (...argv: string[]) => perennial('purge', 'lift', ...argv, '--request', 'R-1', '--json');

  it('lets keys in again, records it, and says where nothing was kept out', async () => {
    const { s3, fixture } = setting.world;
    const key = 'data/housing/train/2026-01-01.csv';
    await runActivity(activities.setTombstones, await purgeOf(s3, fixture.bucket, [{ bucket: fixture.bucket, key }]));
    const folder = await temporaryFolder({ 'keys.txt': `${uri()}\n${uri()}.bak\n` });
    const lifted = await lift('--from', join(folder, 'keys.txt'), '--reason', 'consent was given again');
    expect(lifted).toMatchObject({ code: 0 });
    expect(lifted.json()).toEqual({ lifted: 1, sequence: 7, head: 'h' });
    expect(recorded).toEqual([expect.objectContaining({ kind: 'lifted', request: 'R-1', keys: 1 })]);
    expect((await lift(`${uri()}.bak`, '--reason', 'again')).json()).toMatchObject({ lifted: 0 });
    expect(await histories()).not.toContain('2026-01-01.csv');
  });

  it('wants to know why, with code 2', async () => {
    const { code, err } = await lift(uri());
    expect(code).toBe(2);
    expect(err).toContain('--reason must say why');
  });
});
