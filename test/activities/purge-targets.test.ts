import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { copiesOf, readTargets } from '../../activities/purge/targets.js';
import type { TargetLine } from '../../contracts/purge/index.js';
import { storageSchema } from '../../contracts/storage/index.js';
import { awsClients } from '../support/aws.js';

const { s3 } = awsClients(inject('aws').endpoint);
const bucket = `targets-${randomUUID().slice(0, 8)}`;
beforeAll(() => s3.send(new CreateBucketCommand({ Bucket: bucket })));

async function read(body: string): Promise<TargetLine[]> {
  const key = randomUUID();
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  const lines: TargetLine[] = [];
  for await (const line of readTargets(s3, `s3://${bucket}/${key}`)) lines.push(line);
  return lines;
}

const storage = (copies: object[]) =>
  storageSchema.parse({ storage: { records: { bucket: 'records' }, copies } }).storage;

describe('a list of targets', () => {
  it('is read as it is written: nothing is trimmed, decoded or normalised', async () => {
    const lines: TargetLine[] = [
      { bucket, key: ' a%20b+c/../d ' },
      { bucket, key: 'two\nlines' },
      { bucket, prefix: '' },
      { value: ' 42' },
    ];
    expect(await read(lines.map((line) => JSON.stringify(line)).join('\n'))).toEqual(lines);
  });

  it('is refused with all its faults by line, none of which tells a key', async () => {
    const faulty = [
      '{"bucket":"b","key":"secret-1","prefix":"secret-2"}',
      '{"bucket":"b"}',
      'secret-3',
      '{"bucket":"b","key":"secret-\\ud800"}',
      '{"bucket":"b","key":"_perennial/audit/secret"}',
      `{"bucket":"b","key":"secret${'x'.repeat(1024)}"}`,
      '{"value":""}',
      '{"bucket":"b","key":"secret","colour":1}',
    ];
    const said = await read(faulty.join('\n')).catch((error: Error) => error.message);
    for (let line = 1; line <= faulty.length; line += 1) expect(said).toContain(`line ${line}: `);
    expect(said).not.toContain('secret');
    await expect(read('')).rejects.toThrow('it is empty');
  });
});

describe('declared copies', () => {
  it('are followed from copy to copy', () => {
    const rules = storage([
      { bucket: 'bucket-a', prefix: 'in/', toBucket: 'bucket-b', toPrefix: 'in/' },
      { bucket: 'bucket-b', toBucket: 'bucket-c', toPrefix: 'backup/' },
      { bucket: 'bucket-c', prefix: 'backup/in/', toBucket: 'bucket-d', toPrefix: 'out/', suffix: '.out' },
    ]);
    expect(copiesOf({ bucket: 'bucket-a', key: 'in/x.csv' }, rules)).toEqual([
      { bucket: 'bucket-b', key: 'in/x.csv' },
      { bucket: 'bucket-c', key: 'backup/in/x.csv' },
      { bucket: 'bucket-d', key: 'out/x.csv.out' },
    ]);
    expect(copiesOf({ bucket: 'bucket-a', prefix: 'in/2026/' }, rules)).toEqual([
      { bucket: 'bucket-b', prefix: 'in/2026/' },
      { bucket: 'bucket-c', prefix: 'backup/in/2026/' },
      { bucket: 'bucket-d', prefix: 'out/2026/' },
    ]);
    expect(copiesOf({ bucket: 'bucket-a', key: 'other/x.csv' }, rules)).toEqual([]);
  });

  it('end where two buckets replicate to each other', () => {
    const rules = storage([
      { bucket: 'bucket-a', toBucket: 'bucket-b' },
      { bucket: 'bucket-b', toBucket: 'bucket-a' },
    ]);
    expect(copiesOf({ bucket: 'bucket-a', key: 'x' }, rules)).toEqual([{ bucket: 'bucket-b', key: 'x' }]);
  });
});
