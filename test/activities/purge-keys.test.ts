import { afterAll, describe, expect, it } from 'vitest';
import { fitsXml } from '../../activities/purge/wire.js';
import { HostileBucket, type Versioning } from '../../bench/support/purge/hostile-bucket.js';
import { hostileCorpus } from '../../bench/support/purge/hostile-keys.js';
import { listRaw } from '../../bench/support/purge/hostile-lister.js';
import { S3Client } from '@aws-sdk/client-s3';
import { AWS } from './support/world.js';

const s3 = new S3Client(AWS);
afterAll(() => s3.destroy());

describe('hostile keys', () => {
  // A part of the benchmark's: each fragment alone and at a key's end, single and under prefixes.
  const { bystanders: all, ...targets } = hostileCorpus(210, 170);
  const { single, prefixes, under } = targets;
  const bystanders = all.slice(0, 70);

  it.each<Versioning>(['unversioned', 'suspended'])(
    'all go, and nothing that looks like them, %s',
    async (versioning) => {
      const bucket = await HostileBucket.make(s3, versioning);
      expect(await bucket.fill([...single, ...under, ...bystanders])).toEqual([]);
      const before = await listRaw(AWS.endpoint, bucket.name);
      const stay = [...before].filter(([, key]) => bystanders.includes(key)).map(([line]) => line);
      expect(stay.length).toBeGreaterThan(60);
      const { leg, verified } = await bucket.purge([
        ...single.map((key) => ({ bucket: bucket.name, key })),
        ...prefixes.map((prefix) => ({ bucket: bucket.name, prefix })),
      ]);
      const after = await listRaw(AWS.endpoint, bucket.name);
      expect([...after.keys()].filter((line) => !line.includes('_perennial/tombstones/')).sort()).toEqual(stay.sort());
      expect(leg).toMatchObject({ done: true, blocked: [], keys: single.length + under.length });
      expect(verified.remaining).toEqual({ versions: 0, markers: 0, uploads: 0, bytes: 0 });
    },
  );

  it('are single deletes only where XML can not hold them', () => {
    expect(['\u0001', 'a\u0000', '\u001f', '\uffff'].map(fitsXml)).toEqual([false, false, false, false]);
    expect(['\r\n\t', '\u2028', '\u007f', '😀', ']]>'].every(fitsXml)).toBe(true);
  });
});
