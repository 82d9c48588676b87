import { ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, inject, it } from 'vitest';
import { judge as judgeCalls, type Counted } from '../../bench/scenarios/purge-calls.js';
import { judge as judgeMemory } from '../../bench/scenarios/purge-memory.js';
import { judge as judgeRate, type Erased } from '../../bench/scenarios/purge-rate.js';
import { startEraser, workOn } from '../../bench/support/purge/erasure.js';
import { fill, listAll, makeVersionedBucket } from '../../bench/support/purge/fill.js';
import { startMadeUp } from '../../bench/support/purge/made-up.js';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const { signal } = new AbortController();

describe('the server that makes its entries up', () => {
  it('lists them in pages, and no more those that were deleted; a purge leaves none', async () => {
    const server = await startMadeUp(2_500);
    const s3 = new S3Client({ endpoint: server.url, region: 'us-east-1', credentials });
    const eraser = await startEraser(server.env);
    try {
      const page = await s3.send(new ListObjectVersionsCommand({ Bucket: server.bucket, Prefix: 'data/part/2024/' }));
      expect([page.Versions?.length, page.IsTruncated]).toEqual([1_000, true]);
      const listed = await listAll(s3, server.bucket, 'data/part/2024/');
      expect(new Set(listed.map(({ key }) => key)).size).toBe(2_500);
      const work = workOn(server.bucket, server.targetsUri, 'made-up');
      const { answer } = await eraser.run({ step: 'eraseObjects', work });
      expect(answer).toMatchObject({ versions: 2_500, keys: 2_500, done: true, blocked: [] });
      expect(server.left).toBe(0);
      expect(await listAll(s3, server.bucket, 'data/part/2024/')).toEqual([]);
    } finally {
      await eraser.stop();
      s3.destroy();
      await server.close();
    }
  });
});

it('a filled prefix has as many objects as were asked for', async () => {
  const endpoint = inject('aws').endpoint;
  const s3 = new S3Client({ endpoint, region: 'us-east-1', credentials });
  await makeVersionedBucket(s3, 'purge-fill');
  await fill({ signal }, endpoint, { bucket: 'purge-fill', prefix: 'data/', count: 70 });
  expect(await listAll(s3, 'purge-fill')).toHaveLength(70);
  s3.destroy();
});

describe('the judgement of purge-calls', () => {
  const counted = (lists: number, puts: number): Counted => ({
    inspectTargets: { GetObject: 1 },
    eraseObjects: { ListObjectVersions: lists, DeleteObjects: lists, PutObject: puts },
    verifyObjects: { ListObjectVersions: 1 },
  });
  const sizes = { small: 100_000, large: 1_000_000 };
  const same = { onServer: counted(100, 2), madeUp: counted(100, 2) };

  it('leaves the verification out, and allows one per cent', () => {
    expect(judgeCalls({ sizes, ...same, large: counted(1_000, 19) })).toMatchObject({ figure: 1, ok: true });
    expect(judgeCalls({ sizes, ...same, large: counted(1_000, 21) }).ok).toBe(false);
  });

  it('is bad where the server that makes entries up is asked otherwise than a real one', () => {
    const onServer = counted(101, 2);
    expect(judgeCalls({ sizes, onServer, madeUp: same.madeUp, large: counted(1_000, 2) }).ok).toBe(false);
  });
});

describe('the judgement of purge-memory', () => {
  const purged = (entries: number, peakMiB: number) => ({ entries, peakMiB, seconds: 1, erased: entries, left: 0 });

  it('compares the peaks', () => {
    expect(judgeMemory([purged(1_000, 150), purged(1_000_000, 200)])).toMatchObject({ figure: 50, ok: true });
    expect(judgeMemory([purged(1_000, 150), purged(1_000_000, 201)]).ok).toBe(false);
  });

  it('is bad where not all was erased', () => {
    expect(judgeMemory([purged(1_000, 150), { ...purged(1_000_000, 150), left: 1 }]).ok).toBe(false);
    expect(judgeMemory([purged(1_000, 150), { ...purged(1_000_000, 150), erased: 1 }]).ok).toBe(false);
  });
});

describe('the judgement of purge-rate', () => {
  const erased = (by: Erased['by'], seconds: number, left = 0): Erased => ({
    by,
    seconds,
    endToEndSeconds: 2 * seconds,
    left,
  });
  const rounds = (perennial: number) =>
    [1, 2, 3].flatMap((slower) => [erased('perennial', perennial * slower), erased('s5cmd', slower)]);

  it('is the ratio of the medians', () => {
    expect(judgeRate(rounds(1.25), 1_000)).toMatchObject({ figure: 0.8, ok: true, detail: { endToEndRatio: 0.8 } });
    expect(judgeRate(rounds(2), 1_000)).toMatchObject({ figure: 0.5, ok: false });
  });

  it('is bad where Perennial left anything', () => {
    expect(judgeRate([...rounds(1), erased('perennial', 1, 1)], 1_000).ok).toBe(false);
  });
});
