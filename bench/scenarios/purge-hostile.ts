import { S3Client } from '@aws-sdk/client-s3';
import type { BenchContext, Measured, Scenario } from '../scenario.js';
import { HostileBucket, VERSIONINGS, type Versioning } from '../support/purge/hostile-bucket.js';
import { hostileCorpus, type Corpus } from '../support/purge/hostile-keys.js';
import { listRaw } from '../support/purge/hostile-lister.js';
import { withMoto } from '../support/purge/hostile-moto.js';
import { withStack } from '../support/stack.js';

const KEYS = 2_000;
/** Of these purged one by one; the others by their prefixes. */
const SINGLE = 300;
/** moto copies the whole bucket in memory for every call of a listing, of which each single key takes two. */
const SINGLE_ON_MOTO = 40;
/** Keys in whose name uploads are under way, on the targets and beside them. */
const UPLOADS = 20;

export const purgeHostile: Scenario = {
  name: 'purge-hostile',
  what: 'purge of 2,000 hostile keys beside look-alikes, by a raw listing; MiniStack (all versionings) and moto',
  unit: 'entries left or wrongly touched',
  limit: 0,
  bound: 'at most',
  measure,
};

interface Played {
  readonly server: string;
  readonly versioning: Versioning;
  readonly before: number;
  readonly targeted: number;
  readonly bystanders: number;
  readonly erased: number;
  readonly left: readonly string[];
  readonly touched: readonly string[];
  readonly refused: readonly string[];
  readonly verified: boolean;
  readonly seconds: number;
}

async function measure(context: BenchContext): Promise<Measured> {
  const played: Played[] = [];
  const play = async (server: string, endpoint: string, single: number, versionings: readonly Versioning[]) => {
    const corpus = hostileCorpus(KEYS, single);
    for (const versioning of versionings) {
      context.signal.throwIfAborted();
      const one = await playBucket(corpus, server, endpoint, versioning);
      context.say(
        `${server}, ${versioning}: ${one.erased} of ${one.before} entries erased, ${one.left.length} left, ${one.touched.length} touched, ${one.refused.length} keys refused`,
      );
      played.push(one);
    }
  };
  await withStack(context, ({ urls }) => play('MiniStack', urls.aws ?? '', SINGLE, VERSIONINGS), ['aws']);
  // moto loses old versions when versioning is suspended.
  await withMoto(context, (endpoint) => play('moto', endpoint, SINGLE_ON_MOTO, ['unversioned', 'enabled']));
  const wrong = played.reduce((sum, { left, touched }) => sum + left.length + touched.length, 0);
  return {
    figure: wrong,
    ok: wrong === 0 && played.every(({ verified }) => verified),
    detail: { keys: KEYS, played },
  };
}

async function playBucket(corpus: Corpus, server: string, endpoint: string, versioning: Versioning): Promise<Played> {
  const { single, prefixes, under, bystanders } = corpus;
  const s3 = new S3Client({
    ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const bucket = await HostileBucket.make(s3, versioning);
    const refused = await bucket.fill([...single, ...under, ...bystanders]);
    const stored = (keys: readonly string[]) => keys.filter((key) => !refused.includes(key)).slice(0, UPLOADS / 2);
    await bucket.startUploads([...stored(single), ...stored(bystanders)]);
    const before = await listRaw(endpoint, bucket.name);
    const singles = new Set(single);
    const isTarget = (key: string) => singles.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
    const started = performance.now();
    const { leg, verified } = await bucket.purge([
      ...single.map((key) => ({ bucket: bucket.name, key })),
      ...prefixes.map((prefix) => ({ bucket: bucket.name, prefix })),
    ]);
    const seconds = (performance.now() - started) / 1_000;
    const after = await listRaw(endpoint, bucket.name);
    const { remaining } = verified;
    return {
      ...{ server, versioning, refused, seconds },
      before: before.size,
      targeted: [...before.values()].filter(isTarget).length,
      bystanders: bystanders.length,
      erased: leg.versions + leg.markers + leg.uploads,
      left: [...after].filter(([, key]) => isTarget(key)).map(([line]) => line),
      touched: [...before].filter(([line, key]) => !isTarget(key) && !after.has(line)).map(([line]) => line),
      verified: remaining.versions + remaining.markers + remaining.uploads === 0 && leg.blocked.length === 0,
    };
  } finally {
    s3.destroy();
  }
}
