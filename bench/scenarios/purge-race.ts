import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import type { BenchContext, Measured, Scenario } from '../scenario.js';
import { HostileBucket, type Versioning } from '../support/purge/hostile-bucket.js';
import { listRaw } from '../support/purge/hostile-lister.js';
import { withStack } from '../support/stack.js';

/** A bucket where versioning is suspended has no way to tell a replaced null version from the listed one. */
const VERSIONED: readonly Versioning[] = ['enabled', 'unversioned'];
const ROUNDS = 40;
const KEYS = 25;
/** S3 tells whole seconds: uploads begin in the next one after the purge's start. */
const NEXT_SECOND_MS = 1_100;

export const purgeRace: Scenario = {
  name: 'purge-race',
  what: 'uploads of the same keys during a purge: each new one is purged, or there and reported, as asked',
  unit: 'uploads lost silently or left unreported',
  limit: 0,
  bound: 'at most',
  measure: (context) => withStack(context, ({ urls }) => measure(context, urls.aws ?? ''), ['aws']),
};

interface Round {
  readonly versioning: Versioning;
  readonly uploads: 'report' | 'purge';
  readonly made: number;
  readonly present: number;
  readonly reported: number;
  /** Made and gone although they were to be left, there although they were to go, or there and not reported. */
  readonly wrong: number;
}

async function measure({ say, signal }: BenchContext, endpoint: string): Promise<Measured> {
  const s3 = new S3Client({
    ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const rounds: Round[] = [];
  try {
    for (let number = 0; number < ROUNDS; number += 1) {
      signal.throwIfAborted();
      const uploads = number % 2 === 0 ? 'report' : 'purge';
      rounds.push(
        await playRound(
          s3,
          endpoint,
          VERSIONED[Math.floor(number / 2) % VERSIONED.length] ?? 'enabled',
          uploads,
          number,
        ),
      );
    }
  } finally {
    s3.destroy();
  }
  const wrong = rounds.reduce((sum, round) => sum + round.wrong, 0);
  const made = rounds.reduce((sum, round) => sum + round.made, 0);
  say(`${made} uploads in ${ROUNDS} rounds, ${wrong} wrong`);
  return { figure: wrong, ok: wrong === 0 && made >= ROUNDS * KEYS, detail: { rounds } };
}

/** Keys are uploaded anew, each with another content, while they are purged; afterwards only what is there and what was reported counts. */
async function playRound(
  s3: S3Client,
  endpoint: string,
  versioning: Versioning,
  uploads: 'report' | 'purge',
  number: number,
): Promise<Round> {
  const bucket = await HostileBucket.make(s3, versioning);
  const keys = Array.from({ length: KEYS }, (_, index) => `race/${index}`);
  await bucket.fill(keys);
  const startedAt = new Date();
  await sleep(NEXT_SECOND_MS);
  const made: { readonly key: string; readonly versionId: string | undefined }[] = [];
  const racing = (async () => {
    // Spread over the time that the purge takes, a little differently in each round.
    for (const [index, key] of keys.entries()) {
      if ((index + number) % 5 === 0) await sleep(number % 7);
      made.push({ key, versionId: (await bucket.put(key, `round ${number}`)).versionId });
    }
  })();
  const [, first] = await Promise.all([
    racing,
    bucket.purge([{ bucket: bucket.name, prefix: 'race/' }], { startedAt, options: { uploads } }),
  ]);
  // What came after the last look is the next look's; the same purge looks once more.
  const { verified } =
    uploads === 'purge'
      ? await bucket.purge([{ bucket: bucket.name, prefix: 'race/' }], { startedAt, options: { uploads } })
      : first;
  const after = await listRaw(endpoint, bucket.name);
  const present = made.filter(({ key, versionId }) =>
    after.has(JSON.stringify(['Version', key, versionId ?? 'null'])),
  ).length;
  const again =
    uploads === 'report'
      ? (await bucket.purge([{ bucket: bucket.name, prefix: 'race/' }], { startedAt })).verified
      : verified;
  const wrong = uploads === 'purge' ? present : made.length - present + Math.abs(again.later - present);
  return { versioning, uploads, made: made.length, present, reported: again.later, wrong };
}
