import type { S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { dateBefore } from '../../contracts/duration.js';
import { s3Uri } from '../../contracts/names.js';
import { targetsPrefix } from '../../contracts/purge/index.js';
import type { Due, DueSteps, RetentionStep, RetentionWork } from '../../contracts/retention.js';
import { datedAs } from '../data/dates.js';
import { listedPrefixes } from '../data/listing.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { groupsOf, type Group } from '../purge/groups.js';
import { ListUpload } from './list.js';
import { ownerPattern, readActivity } from './owners.js';
import { readSetApart } from './state.js';

type Found = Pick<Group, 'key' | 'versions' | 'markers'>;

/** Counts of one step, and its lists, of which nothing is made before there is a line for it. */
class Step {
  readonly #owners = new Set<string>();
  #objects = 0;
  #bytes = 0;
  #targets: ListUpload | undefined;
  #origins: ListUpload | undefined;

  constructor(
    private readonly s3: S3Client,
    private readonly work: RetentionWork & { dryRun: boolean },
    private readonly step: RetentionStep,
  ) {}

  async add({ key, versions }: Found, { owner, origin }: { owner?: string; origin?: string } = {}): Promise<void> {
    const { dryRun, definition } = this.work;
    const { bucket } = definition.data;
    this.#objects += 1;
    this.#bytes += versions.reduce((sum, { size }) => sum + size, 0);
    if (owner !== undefined) this.#owners.add(owner);
    if (dryRun) return;
    this.#targets ??= this.#list('targets');
    await this.#targets.write({ bucket, key });
    if (origin === undefined) return;
    this.#origins ??= this.#list('origins');
    await this.#origins.write({ bucket, key: origin });
  }

  async end(): Promise<Due> {
    await Promise.all([this.#targets?.finish(), this.#origins?.finish()]);
    return {
      objects: this.#objects,
      bytes: this.#bytes,
      owners: this.#owners.size,
      ...(this.#targets && { targetsUri: this.#targets.uri }),
      ...(this.#origins && { originsUri: this.#origins.uri }),
    };
  }

  async abort(): Promise<void> {
    await Promise.all([this.#targets?.abort(), this.#origins?.abort()]);
  }

  #list(kind: 'targets' | 'origins'): ListUpload {
    const { ref, storage } = this.work;
    const name = `retention-${ref.model}-${ref.date}-${ref.execution}-${this.step}-${kind}.jsonl`;
    const { bucket, key } = storage.records;
    return new ListUpload(this.s3, s3Uri(bucket, `${targetsPrefix}${name}`), key);
  }
}

/** What is due on the day. In memory are the dormant owners, and those that are set apart. */
export async function findDue(
  s3: S3Client,
  hashes: KeyedHashes,
  work: RetentionWork & { dryRun: boolean },
): Promise<DueSteps> {
  const { retention } = work.definition.data;
  if (!retention) {
    throw fail(
      'DefinitionInvalid',
      `model ${work.definition.name} has no data.retention: say how long its data is kept, and apply the definition`,
    );
  }
  const steps = { age: new Step(s3, work, 'age') } as Record<RetentionStep, Step>;
  for (const step of ['return', 'apart', 'grace'] as const) steps[step] = new Step(s3, work, step);
  const warnings: string[] = [];
  try {
    if (retention.age !== undefined) await findOld(s3, work, retention.age, steps.age);
    if (retention.dormancy) warnings.push(...(await findDormant(s3, hashes, work, steps)));
    const ends = Object.entries(steps).map(async ([step, one]) => [step, await one.end()] as const);
    const due = (await Promise.all(ends)).filter(([, { objects }]) => objects > 0);
    return { steps: Object.fromEntries(due), warnings };
  } catch (error) {
    await Promise.all(Object.values(steps).map((step) => step.abort()));
    throw error;
  }
}

/** Dated objects of every channel before the first day that is kept; deleted ones too, whose old versions are still there. */
async function findOld(s3: S3Client, { ref, definition }: RetentionWork, age: string, step: Step): Promise<void> {
  const first = dateBefore(ref.date, age);
  for (const { prefix } of listedPrefixes(definition)) {
    for await (const group of keysUnder(s3, definition.data.bucket, prefix)) {
      // Keys come in their order: what follows is younger.
      if (group.key >= `${prefix}${first}`) break;
      const date = datedAs(group.key.slice(prefix.length));
      if (date !== undefined && date < first) await step.add(group);
    }
  }
}

async function findDormant(
  s3: S3Client,
  hashes: KeyedHashes,
  work: RetentionWork,
  steps: Readonly<Record<RetentionStep, Step>>,
): Promise<string[]> {
  const { ref, definition, storage } = work;
  const { bucket, prefix, retention } = definition.data;
  const dormancy = retention?.dormancy;
  if (!dormancy) return [];
  checkApart(dormancy.apart, bucket, storage);
  const apart = await readSetApart(s3, work);
  const { dormant, returned } = await readActivity(s3, dormancy.owners, {
    since: dateBefore(ref.date, dormancy.after),
    setApart: (owner) => {
      const hash = hashes.value(owner);
      return Object.hasOwn(apart, hash) ? hash : undefined;
    },
  });
  const { ownerOf } = ownerPattern(dormancy.keys);
  for await (const group of keysUnder(s3, bucket, prefix)) {
    const owner = ownerOf(group.key.slice(prefix.length));
    if (owner !== undefined && dormant.has(owner)) await steps.apart.add(group, { owner });
  }
  const over = dateBefore(ref.date, dormancy.grace);
  const left = { unlisted: 0, unknown: 0 };
  for await (const group of keysUnder(s3, bucket, dormancy.apart)) {
    const rest = group.key.slice(dormancy.apart.length);
    const owner = ownerOf(rest);
    const hash = owner === undefined ? undefined : hashes.value(owner);
    const since = hash === undefined ? undefined : apart[hash];
    if (owner === undefined || hash === undefined || since === undefined) left.unknown += 1;
    else if (returned.has(hash)) await steps.return.add(group, { owner, origin: `${prefix}${rest}` });
    else if (!dormant.has(owner)) left.unlisted += 1;
    else if (since <= over) await steps.grace.add(group, { owner });
  }
  return [
    ...(left.unlisted > 0
      ? [`${left.unlisted} objects are set apart whose owner is not in ${dormancy.owners}: they stay as they are`]
      : []),
    ...(left.unknown > 0
      ? [
          `${left.unknown} objects under s3://${bucket}/${dormancy.apart} were not set apart by Perennial: they stay as they are`,
        ]
      : []),
  ];
}

/** What is set apart must be on no mount, and have no copies elsewhere. */
function checkApart(apart: string, bucket: string, { mirrors, copies }: RetentionWork['storage']): void {
  const meets = (rule: { bucket: string; prefix: string }) =>
    rule.bucket === bucket && (rule.prefix.startsWith(apart) || apart.startsWith(rule.prefix));
  const mirror = mirrors.find(meets);
  const copy = copies.find(meets);
  if (!mirror && !copy) return;
  const what = mirror ? `mirrored to ${mirror.path}` : `copied to s3://${copy?.toBucket}`;
  throw fail(
    'DefinitionInvalid',
    `s3://${bucket}/${apart}, data.retention.dormancy.apart, is ${what} by the storage file: name a prefix that it leaves out. Nothing was touched`,
  );
}

const LISTED = 1_000;

async function* keysUnder(s3: S3Client, bucket: string, prefix: string): AsyncGenerator<Found> {
  let keys = 0;
  const listing = { s3, signal: cancellationSignal(), onPage: () => heartbeat(keys) };
  for await (const group of groupsOf(listing, { bucket, prefix })) {
    keys += 1;
    if (keys % LISTED === 0) heartbeat(keys);
    // Of a key with very many versions the rest comes in parts.
    if (!group.again) yield group;
  }
}
