import { gunzipSync, gzipSync } from 'node:zlib';
import { DeleteObjectCommand, GetObjectTaggingCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, it } from 'vitest';
import { bucket, bytesOf, erase, kept, put, s3, textOf, useBucket } from './support/row-world.js';

beforeEach(() => useBucket('Enabled'));

describe('eraseRows', () => {
  it('leaves every other byte as it was', async () => {
    const files: [string, string, string][] = [
      ['quotes', '1,"anna",x\n2,"b ""q""",y\n', '2,"b ""q""",y\n'],
      ['line-ends', '1,bob\r\n2,anna\r\n3,cid\n4,anna\r5,dee\r', '1,bob\r\n3,cid\n5,dee\r'],
      ['no-last-end', '1,bob\n2,anna', '1,bob\n'],
      ['first-goes', '1,anna\n2,bob', '2,bob'],
      ['mark', '\ufeff1,anna\n2,bob\n', '\ufeff2,bob\n'],
      ['inside-quotes', '1,"a\nanna,\n",z\n2,anna,"x\ny"\n3,c,"\r\n"\n', '1,"a\nanna,\n",z\n3,c,"\r\n"\n'],
      ['blanks', '1, anna ,x\n\n2 , bob\n\n', '\n2 , bob\n\n'],
      ['mark-before-value', '\ufeffanna,anna\n2,bob\n', '\ufeff2,bob\n'],
      ['look-alikes', '1,annab\n2,Anna\nanna,3\n4,ann\n', '1,annab\n2,Anna\nanna,3\n4,ann\n'],
    ];
    await Promise.all(files.map(([name, body]) => put(`data/${name}.csv`, body)));
    const done = await erase();
    expect(done).toMatchObject({ objectsSearched: 9, objectsRewritten: 8, rows: 9, values: 1, found: 1, blocked: [] });
    for (const [name, , left] of files) expect([name, await textOf(`data/${name}.csv`)]).toEqual([name, left]);
    expect((await kept('data/quotes.csv')).versions).toBe(1);
    expect((await kept('data/look-alikes.csv')).versions).toBe(1);
  });

  it('keeps what else the object was: encryption, type, metadata, tags', async () => {
    await put('data/a.csv', '1,anna\n2,bob\n', {
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'alias/perennial-rows',
      ContentType: 'text/csv; header=absent',
      CacheControl: 'no-store',
      Metadata: { source: 'shop' },
      Tagging: 'team=a%20b&kind=train',
    });
    const about = { Bucket: bucket, Key: 'data/a.csv' };
    const before = await s3.send(new HeadObjectCommand(about));
    await erase();
    const after = await s3.send(new HeadObjectCommand(about));
    for (const field of ['ServerSideEncryption', 'SSEKMSKeyId', 'ContentType', 'CacheControl', 'Metadata'] as const)
      expect(after[field]).toEqual(before[field]);
    expect(after.SSEKMSKeyId).toBeDefined();
    const { TagSet } = await s3.send(new GetObjectTaggingCommand(about));
    expect(TagSet).toEqual(
      expect.arrayContaining([
        { Key: 'team', Value: 'a b' },
        { Key: 'kind', Value: 'train' },
      ]),
    );
  });

  it('rewrites gzip, whatever its name is', async () => {
    await put('data/a.csv.gz', gzipSync('1,anna\n2,bob\n'), { ContentEncoding: 'gzip' });
    await put('data/b.csv', gzipSync('1,anna\n2,cid\n'));
    expect(await erase()).toMatchObject({ objectsRewritten: 2, rows: 2 });
    expect(gunzipSync(await bytesOf('data/a.csv.gz')).toString()).toBe('2,bob\n');
    expect(gunzipSync(await bytesOf('data/b.csv')).toString()).toBe('2,cid\n');
  });

  it('erases old versions: of what it rewrites, of what is clean by now, and below a delete marker', async () => {
    await put('data/now.csv', '0,bob\n');
    await put('data/now.csv', '1,anna\n2,bob\n');
    await put('data/before.csv', '1,anna\n');
    await put('data/before.csv', '2,bob\n');
    await put('data/never.csv', '1,bob\n');
    await put('data/never.csv', '2,bob\n');
    await put('data/deleted.csv', '1,anna\n2,bob\n');
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'data/deleted.csv' }));
    expect(await erase()).toMatchObject({ objectsSearched: 4, objectsRewritten: 1, rows: 3, versionsErased: 4 });
    expect(await kept('data/now.csv')).toEqual({ versions: 1, markers: 0 });
    expect(await kept('data/before.csv')).toEqual({ versions: 1, markers: 0 });
    expect(await kept('data/never.csv')).toEqual({ versions: 2, markers: 0 });
    expect(await kept('data/deleted.csv')).toEqual({ versions: 0, markers: 1 });
    expect(await textOf('data/before.csv')).toBe('2,bob\n');
  });

  it('deletes an object of which nothing would be left', async () => {
    await put('data/a.csv', 'anna,1\n');
    await put('data/a.csv', '1,anna\n\n2,anna\n');
    expect(await erase()).toMatchObject({ objectsRewritten: 0, objectsDeleted: 1, rows: 2, versionsErased: 2 });
    expect(await kept('data/a.csv')).toEqual({ versions: 0, markers: 0 });
  });

  it.each([undefined, 'Suspended'] as const)('works in a bucket without versions (%s)', async (versioning) => {
    await useBucket(versioning);
    await put('data/a.csv', '1,anna\n2,bob\n');
    await put('data/b.csv', '1,anna\n');
    expect(await erase()).toMatchObject({ objectsRewritten: 1, objectsDeleted: 1, rows: 2 });
    expect(await textOf('data/a.csv')).toBe('2,bob\n');
    expect(await kept('data/')).toEqual({ versions: 1, markers: 0 });
  });

  it('takes exact keys, many values, and leaves all else alone', async () => {
    for (const name of ['a', 'a.bak', 'b']) await put(`data/${name}`, '1,anna\n2,bob\n3,cid\n');
    await put('_perennial/a', '1,anna\n');
    const targets = [
      { bucket, key: 'data/a' },
      { bucket, key: 'data/gone' },
    ];
    const done = await erase({ targets, values: ['anna', ' cid', 'dora'] });
    expect(done).toMatchObject({ objectsSearched: 1, rows: 2, values: 3, found: 2 });
    expect(await textOf('data/a')).toBe('2,bob\n');
    expect(await kept('data/a.bak')).toEqual({ versions: 1, markers: 0 });
    expect(await textOf('data/b')).toContain('anna');
    await erase({ targets: [{ bucket, prefix: '' }] });
    expect(await textOf('_perennial/a')).toContain('anna');
  });

  it('takes a name for the same in either form of Unicode, also in big objects', async () => {
    const filling = `${'9,é€😀\n'.repeat(20_000)}`;
    await put('data/nfd.csv', `1,jose\u0301\n2,jos\u00e9\n${filling}`);
    expect(await erase({ values: ['jose\u0301'] })).toMatchObject({ rows: 2, values: 1, found: 1, blocked: [] });
    expect(await textOf('data/nfd.csv')).toBe(filling);
    await put('data/nfd.csv', `1,jose\u0301\n2,jos\u00e9\n`);
    expect(await erase({ values: ['jos\u00e9', 'jose\u0301'] })).toMatchObject({ rows: 2, values: 1, found: 1 });
  });

  it('takes no object for searched that is not UTF-8', async () => {
    const odd: [string, Buffer][] = [
      ['latin', Buffer.from('1,anna\n2,jos\u00e9\n', 'latin1')],
      ['latin-end', Buffer.from('1,anna\n2,jos\u00e9', 'latin1')],
      ['utf16', Buffer.from('\ufeff1,jos\u00e9\n', 'utf16le')],
    ];
    for (const [name, body] of odd) await put(`data/${name}.csv`, body);
    const { blocked, rows } = await erase({ values: ['jos\u00e9'] });
    expect({ rows, blocked }).toMatchObject({ rows: 0, blocked: [{ by: 'error', entries: 3 }] });
    expect(blocked[0]?.advice).toContain('it is not UTF-8');
    for (const [name, body] of odd) expect(await bytesOf(`data/${name}.csv`)).toEqual(body);
  });

  it('says what it could not search, and goes on', async () => {
    await put('data/broken.csv', '1,"anna\n');
    await put('data/narrow.csv', '1\n2,anna\n3,bob\n');
    await put('data/table.parquet', Buffer.from([0x50, 0x41, 0, 0x52]));
    await put('data/utf16.csv', Buffer.from('\ufeff1,anna\n', 'utf16le'));
    await put('data/zip.gz', Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    await put('data/z.csv', '1,anna\n2,bob\n');
    const done = await erase();
    expect(done).toMatchObject({ objectsSearched: 6, objectsRewritten: 2, rows: 2 });
    expect(done.blocked.every(({ by, advice }) => by === 'error' && advice.includes(bucket))).toBe(true);
    expect(done.blocked.reduce((sum, { entries }) => sum + entries, 0)).toBe(5);
    expect(JSON.stringify(done)).not.toMatch(/anna|data\//);
    expect(await textOf('data/narrow.csv')).toBe('1\n3,bob\n');
  });
});
