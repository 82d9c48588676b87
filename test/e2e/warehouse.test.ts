import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_FEATURES } from '../../examples/warehouse/data.js';
import { perennial, perennialOk } from '../../examples/demo/perennial.js';
import { walkThrough, type Observations } from '../../examples/warehouse/walk-through.js';
import { statementsOf } from '../../examples/warehouse/warehouse.js';
import { packagePath } from '../../local/paths.js';
import { until } from '../support/local.js';
import { historyText } from '../../bench/support/history-text.js';
import { Setting, type FollowedRun } from './setting.js';

const BUCKET = 'perennial-demo';
const PUBLISHED = 'data/warehouse/train/2025-01-01/';

let seen: Observations;
let setting: Setting;
// The first use of a machine fetches the image's packages.
beforeAll(async () => {
  setting = await Setting.start();
  const said: string[] = [];
  seen = await walkThrough({ env: setting.env, say: (line) => void said.push(line) }).catch((error: Error) => {
    throw new Error(`${error.message}\n${said.join('\n')}`, { cause: error });
  });
}, 600_000);
afterAll(() => setting.stop(), 60_000);

const keysUnder = async (Prefix: string) => {
  const { Contents = [] } = await setting.s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }));
  return Contents.map(({ Key = '' }) => Key);
};

/** What looks like one of the local Redshift's: 48 bytes as base64, where a hash is hex and a path is longer. */
const passwordsIn = (text: string) =>
  (text.match(/(?<![\w+/])[A-Za-z0-9+/]{64}(?![\w+/=])/g) ?? []).filter((one) => !/^[0-9a-f]+$/.test(one));

const timeOf = (run: string) => String(run.split('/').at(-1)).replaceAll(/[-:.]/g, '');

describe('the warehouse walk-through', () => {
  it('deploys a model of what the warehouse exported, far better than the median', () => {
    const { state, evaluation } = seen.run;
    expect(state).toBe('Deployed');
    expect(evaluation).toMatchObject({ metric: 'mdape', rows: 400, verdict: { passed: true } });
    expect(seen.mdape).toBe(evaluation.candidate.metrics.mdape);
    expect(seen.naiveMdape).toBeGreaterThan(0.5);
    // Chance alone moves a price by 0.08 in the median.
    expect(seen.mdape).toBeLessThan(0.11);
    expect(seen.invoked).toHaveLength(5);
  });

  it('publishes the very rows that the data has, without those held back, and encrypted', async () => {
    const keys = await keysUnder(PUBLISHED);
    const texts = await Promise.all(
      keys.map(async (Key) => {
        const [head, { Body }] = await Promise.all([
          setting.s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key })),
          setting.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key })),
        ]);
        expect(head.ServerSideEncryption).toBe('aws:kms');
        return (await Body?.transformToString()) ?? '';
      }),
    );
    const exported = texts.join('').trim().split('\n').sort();
    expect(exported).toHaveLength(3_600);
    expect(exported).toEqual(seen.warehouse.train.map(({ csv }) => csv.trim()).sort());
  });

  it('has the warehouse load, check and unload as production would', () => {
    const { statements } = seen;
    expect(statements.every(({ user, status }) => user === 'awsuser' && status === 'success')).toBe(true);
    const copies = statements.filter(({ type }) => type === 'COPY').map(({ text }) => text);
    expect(copies.map((text) => /^COPY "(\w+)"/.exec(text)?.[1])).toEqual(['venue', 'date', 'event', 'sales']);
    expect(copies[3]).toBe(
      [
        `COPY "sales"\nFROM 's3://${BUCKET}/raw/warehouse/sales_'\nIAM_ROLE 'arn:aws:iam::000000000000:role/warehouse-s3'`,
        "DELIMITER '|'\nTIMEFORMAT 'MM/DD/YYYY HH:MI:SS'",
      ].join('\n'),
    );
    const unloads = statements.filter(({ type }) => type === 'UNLOAD').map(({ text }) => text);
    expect(unloads).toEqual([expect.stringMatching(/^UNLOAD \('.*\n.*'\)\nTO 's3:.*\nIAM_ROLE .*\nFORMAT CSV\n/s)]);
    expect(unloads[0]).toMatch(/\nKMS_KEY_ID '[a-f0-9-]{36}'\nENCRYPTED\nMANIFEST VERBOSE\nMAXFILESIZE 256 MB$/);
    // The as-of date is bound: no statement has it.
    expect(statements.filter(({ text }) => /'2025-01-01'/.test(text))).toEqual([]);
    expect(statements.filter(({ text }) => /FROM event_percentile|getdate\(\)/.test(text)).length).toBeGreaterThan(1);
  });

  it('exports the label first, then the features in their order', async () => {
    const Key = `models/warehouse/runs/${timeOf(seen.run.run)}/export/record.json`;
    const { Body } = await setting.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    const { columns } = JSON.parse((await Body?.transformToString()) ?? '') as { columns: string[] };
    expect(columns).toEqual(['total_price', ...EVENT_FEATURES]);
  });

  it('reports the best thousandth of the events', () => {
    const totals = [...seen.warehouse.train, ...seen.warehouse.test].map(({ csv }) => Number(csv.split(',')[0]));
    expect(seen.top.map(({ total }) => total)).toEqual(totals.sort((a, b) => b - a).slice(0, 4));
  });

  it('changes nothing when the same date is run again', async () => {
    expect(seen.again.outcome).toBe('NoNewData');
    const [first, second] = [timeOf(seen.run.run), timeOf(seen.again.run)];
    const names = (await keysUnder(PUBLISHED)).map((key) => key.slice(PUBLISHED.length));
    expect(names.length).toBeGreaterThan(0);
    expect(names.every((name) => name.startsWith(`${first}-`))).toBe(true);
    // Of the second export no rows are left either.
    expect(await keysUnder(`models/warehouse/runs/${second}/export/data_`)).toEqual([]);
  });

  it('takes up what a failed run published, and asks the warehouse for nothing', async () => {
    const date = '2025-02-01';
    const env = { env: setting.env };
    const asked = ['run', 'warehouse', '--as-of', date, '--no-deploy', '--follow'];
    const failed = (await perennial(asked, env)).value as FollowedRun;
    // Nobody put the held-back events of that date there: the run fails after it has published.
    expect([failed.outcome, failed.reason]).toEqual(['Failed', expect.stringContaining('/test/')]);
    const keys = await keysUnder(`data/warehouse/train/${date}/`);
    expect(keys.length).toBeGreaterThan(0);
    const [CopySource, Key] = [`${BUCKET}/data/warehouse/test/2025-01-01.csv`, `data/warehouse/test/${date}.csv`];
    await setting.s3.send(new CopyObjectCommand({ Bucket: BUCKET, CopySource, Key }));
    const resumed = (await perennialOk(['resume', 'warehouse', '--follow'], env)) as FollowedRun;
    expect(resumed.outcome).toBe('Trained');
    const label = (run: string) => `perennial/warehouse/${timeOf(run)}/`;
    expect((await statementsOf(setting.env, label(failed.run))).length).toBeGreaterThan(0);
    expect(await statementsOf(setting.env, label(resumed.run))).toEqual([]);
    expect(await keysUnder(`data/warehouse/train/${date}/`)).toEqual(keys);
    const shown = (await perennialOk(['show', resumed.run], env)) as { prepared: { by: string; rows: number } };
    expect(shown.prepared).toMatchObject({ by: failed.run, rows: 3_600 });
  });

  it('prepares, trains and deploys by its schedule', { timeout: 120_000 }, async () => {
    const [env, folder] = [{ env: setting.env }, join(setting.stateDir, 'scheduled')];
    await cp(packagePath('examples/warehouse'), folder, { recursive: true });
    const file = join(folder, 'model.yaml');
    const triggers = `triggers: { schedule: { cron: '0 9 1 1 *', timeZone: UTC } }\n`;
    await writeFile(file, (await readFile(file, 'utf8')) + triggers);
    await perennialOk(['apply', file], env);
    const today = new Date().toISOString().slice(0, 10);
    const CopySource = `${BUCKET}/data/warehouse/test/2025-01-01.csv`;
    await setting.s3.send(
      new CopyObjectCommand({ Bucket: BUCKET, CopySource, Key: `data/warehouse/test/${today}.csv` }),
    );
    await perennialOk(['schedule', 'trigger', 'warehouse'], env);
    const newest = async () => ((await perennialOk(['runs', '--model', 'warehouse'], env)) as { state: string }[])[0];
    await until('the scheduled run to end', async () => (await newest())?.state === 'Deployed', 90_000);
    const shown = await perennialOk(['show', 'warehouse'], env);
    const publishedTo = expect.stringMatching(/\/train\/\d{4}-\d\d-\d\d\/$/) as string;
    expect(shown).toMatchObject({ trigger: 'schedule', prepared: { rows: 3_600, publishedTo } });
  });

  it('has no password, row or credential in the histories of its runs', async () => {
    expect(passwordsIn(`{"data":"${'Ab1+'.repeat(16)}"}`)).toHaveLength(1);
    for (const id of [seen.run.run, seen.again.run]) {
      const text = historyText(await setting.client.workflow.getHandle(id).fetchHistory());
      expect(text).toContain('event_percentile');
      expect(text).not.toMatch(/password|IAM:awsuser|postgres:\/\//i);
      expect(passwordsIn(text)).toEqual([]);
      expect(text).not.toContain(seen.warehouse.train[0]?.csv.split(',')[0]);
    }
  });

  it('leaves no endpoint', () => {
    expect(seen.endpointGone).toBe(true);
  });
});
