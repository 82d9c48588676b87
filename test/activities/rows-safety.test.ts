import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, it } from 'vitest';
import { suppressedRows } from '../../activities/rows/suppressed.js';
import { parseS3Uri } from '../../contracts/names.js';
import { SUPPRESSED_PREFIX, type RowsPlan, type TargetReport } from '../../contracts/purge/index.js';
import { failureOf } from './support/local-sagemaker.js';
import {
  activities,
  bucket,
  bytesOf,
  erase,
  hashes,
  heartbeats,
  interrupted,
  kept,
  newBucket,
  over,
  put,
  run,
  s3,
  textOf,
  useBucket,
  work,
} from './support/row-world.js';

beforeEach(() => useBucket('Enabled'));

describe('eraseRows', () => {
  it('searches declared copies, and erases predictions whole', async () => {
    const other = await newBucket('Enabled');
    await put('data/a.csv', '1,anna\n2,bob\n');
    await put('data/b.csv', '1,bob\n');
    const copy = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: other, Key, Body }));
    await copy('r/a.csv', '1,anna\n2,bob\n');
    await copy('r/orphan.csv', '1,bob\n2,anna\n');
    await copy('p/a.csv.out', '0.1\n0.2\n');
    await copy('p/b.csv.out', '0.3\n');
    const done = await erase({
      storage: {
        copies: [
          { bucket, prefix: 'data/', toBucket: other, toPrefix: 'r/' },
          { bucket, prefix: 'data/', toBucket: other, toPrefix: 'p/', suffix: '.out' },
        ],
      },
    });
    expect(done).toMatchObject({ objectsRewritten: 3, rows: 3 });
    expect((await bytesOf('r/orphan.csv', other)).toString()).toBe('1,bob\n');
    expect(await kept('p/', other)).toEqual({ versions: 1, markers: 0 });
  });

  it('loses no upload that comes during the rewrite', async () => {
    await put('data/a.csv', '1,anna\n2,bob\n');
    const upload = () => put('data/a.csv', '3,anna\n4,dee\n');
    const raced = over(interrupted('PutObjectCommand', 'data/a.csv', upload));
    await run(raced.eraseRows, await work());
    expect(await textOf('data/a.csv')).toBe('4,dee\n');
    expect(await kept('data/a.csv')).toEqual({ versions: 1, markers: 0 });
  });

  it('goes on after a crash between rewriting and erasing, with the same counts', async () => {
    await put('data/a.csv', '0,bob\n');
    await put('data/a.csv', '1,anna\n2,bob\n');
    await put('data/b.csv', '1,anna\n');
    const crash = () => Promise.reject(new Error('killed'));
    const dying = over(interrupted('DeleteObjectCommand', 'data/a.csv', crash, true));
    const same = await work();
    expect((await failureOf(run(dying.eraseRows, same))).message).not.toMatch(/anna|data\//);
    expect(await textOf('data/a.csv')).toBe('2,bob\n');
    expect((await kept('data/a.csv')).versions).toBe(3);
    const done = await run(activities.eraseRows, same);
    expect(done).toMatchObject({ objectsRewritten: 1, objectsDeleted: 1, rows: 2, found: 1 });
    expect((await kept('data/a.csv')).versions).toBe(1);
    expect(await run(activities.eraseRows, same)).toMatchObject({ objectsRewritten: 1, rows: 2, found: 1 });
  });

  it('streams what is larger than a part, and shows nothing personal', async () => {
    const rows = Array.from(
      { length: 100_000 },
      (_, i) => `${i},${i % 1000 === 0 ? 'anna' : `p${i}`},${'x'.repeat(80)}\n`,
    );
    await put('data/large.csv', rows.join(''));
    const done = await erase();
    expect(done).toMatchObject({ objectsRewritten: 1, rows: 100, bytes: rows.join('').length });
    expect(await textOf('data/large.csv')).toBe(rows.filter((row) => !row.includes('anna')).join(''));
    expect(heartbeats.length).toBeGreaterThan(0);
    expect(JSON.stringify(heartbeats)).not.toMatch(/anna|data\//);
  });

  it('refuses a list without values, and a wrong column', async () => {
    expect((await failureOf(erase({ values: [] }))).message).toContain('has no value');
    expect((await failureOf(erase({ options: {} }))).message).toContain('options.column');
    expect((await failureOf(erase({ options: { column: 0 } }))).type).toBe('InvalidRequest');
  });
});

describe('planRows', () => {
  it('says what would go, touches nothing, and names what can not be searched', async () => {
    await put('data/a.csv', '1,anna\n2,bob\n3,anna\n');
    await put('data/b.csv', '1,bob\n');
    await put('data/c.csv', '1,"\n');
    const before = await kept('data/');
    const outputUri = `s3://${bucket}/_perennial/plan.json`;
    await run(activities.planRows, { ...(await work()), outputUri });
    expect(JSON.parse(await textOf(parseS3Uri(outputUri).key)) as RowsPlan).toMatchObject({
      objects: [{ uri: `s3://${bucket}/data/a.csv`, rows: 2 }],
      more: 0,
      rows: 2,
      searched: 3,
      unreadable: [{ uri: `s3://${bucket}/data/c.csv` }],
    });
    expect(await kept('data/')).toEqual(before);
  });
});

describe('verifyRows', () => {
  it('finds rows in every version, and tells what came later', async () => {
    const same = await work({
      targets: [
        { bucket, key: 'data/a.csv' },
        { bucket, prefix: 'data/' },
      ],
    });
    await put('data/a.csv', '1,anna\n2,anna\n');
    await put('data/a.csv', '1,bob\n');
    const later = { ...same, ref: { ...same.ref, startedAt: new Date(Date.now() - 60_000).toISOString() } };
    await put('data/b.csv', '3,anna\n');
    const found = await run(activities.verifyRows, later);
    // The object lies below the prefix too, and counts once.
    expect(found).toMatchObject({ rows: 3, objects: 2 });
    const report = (await textOf(parseS3Uri(found.reportUri).key)).trim().split('\n');
    const lines = report.map((line) => JSON.parse(line) as TargetReport);
    expect(lines).toEqual(
      expect.arrayContaining([
        { hash: hashes.object(bucket, 'data/a.csv'), kind: 'object', bucket, remaining: 1, later: 0, blocked: 0 },
        { hash: hashes.prefix(bucket, 'data/'), kind: 'prefix', bucket, remaining: 2, later: 1, blocked: 0 },
      ]),
    );
    await run(activities.eraseRows, same);
    expect(await run(activities.verifyRows, same)).toMatchObject({ rows: 0, objects: 0, unreadable: 0 });
    expect((await kept(SUPPRESSED_PREFIX)).versions).toBe(1);
  });

  it('counts what it can not search, of which nothing is known', async () => {
    const one = await work({ targets: [{ bucket, prefix: 'data/' }] });
    await put('data/a.csv', '1,bob\n');
    await put('data/c.csv', '1,"\n');
    expect(await run(activities.verifyRows, one)).toMatchObject({ rows: 0, objects: 0, unreadable: 1 });
  });
});

describe('suppressedRows', () => {
  it('keeps the same rows out of what is written later below the same folder, by hash alone', async () => {
    const mixed = await work({ targets: [{ bucket, prefix: 'data/2026-' }], values: ['anna', 'b"q', 'jose\u0301'] });
    await run(activities.eraseRows, mixed);
    await run(activities.eraseRows, mixed);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: SUPPRESSED_PREFIX }));
    expect(Contents).toHaveLength(1);
    expect(await textOf(Contents[0]?.Key ?? '')).not.toMatch(/anna|data|2026/);

    const suppressed = await suppressedRows(s3, hashes, bucket);
    const through = async (key: string, rows: string) => {
      const chain = [Readable.from([Buffer.from(rows)]), ...suppressed.withoutSuppressed(key), new PassThrough()];
      const [last] = chain.slice(-1) as [PassThrough];
      const done = pipeline(chain as [Readable, ...PassThrough[]]);
      return [(await buffer(last)).toString(), await done][0];
    };
    const rows = '1,anna\r\n2,bob\r\n3,"b""q"\r\n4,jos\u00e9\r\nanna,4';
    expect(await through('data/2027-01-01.csv', rows)).toBe('2,bob\r\nanna,4');
    expect(await through('data/deeper/x.csv', rows)).toBe('2,bob\r\nanna,4');
    expect(await through('other/2027-01-01.csv', rows)).toBe(rows);
  });
});
