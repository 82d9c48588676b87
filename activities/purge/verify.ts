import { Context } from '@temporalio/activity';
import type { S3Client } from '@aws-sdk/client-s3';
import { s3Uri } from '../../contracts/names.js';
import {
  purgePrefix,
  type EntryCounts,
  type PurgeWork,
  type TargetReport,
  type Verified,
} from '../../contracts/purge/index.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { Blocks } from './blocks.js';
import { protectionOf, withLocks, type LockSettings } from './buckets.js';
import { apart, isLater } from './choose.js';
import { groupsOf } from './groups.js';
import type { Entry } from './listing.js';
import { ReportObject } from './report.js';
import { forEachOf, inOrder } from './streams.js';
import { survey } from './survey.js';
import type { TargetList } from './target-list.js';
import type { Tally } from './tally.js';
import { isObject, type Target } from './targets.js';
import { Uploads } from './uploads.js';

const TARGETS_AT_ONCE = 16;
/** Entries whose lock is looked at; of more, the rest counts as remaining without a reason. */
const LOOKED_AT = 10_000;

interface Left {
  remaining: number;
  later: number;
  blocked: number;
}

/** Lists every target and its copies anew. What can't be listed is a failure: nothing is known of it. */
export class Verification {
  readonly #blocks = new Blocks();
  readonly #uploads: Uploads;
  readonly #signal = Context.current().cancellationSignal;
  readonly #remaining = { versions: 0, markers: 0, uploads: 0, bytes: 0 };
  #later = 0;
  #looks = 0;

  private constructor(
    readonly s3: S3Client,
    readonly work: PurgeWork,
    readonly tally: Tally,
    readonly list: TargetList,
    readonly settings: ReadonlyMap<string, LockSettings>,
  ) {
    this.#uploads = new Uploads(s3, list.common, this.#signal);
  }

  static async run(s3: S3Client, work: PurgeWork, tally: Tally, hashes: KeyedHashes): Promise<Verified> {
    const signal = Context.current().cancellationSignal;
    const { list, buckets: plain } = await survey(s3, work, async () => hashes, signal);
    const buckets = await withLocks(s3, plain, signal);
    const settings = new Map(buckets.map((one) => [one.bucket, one]));
    return new Verification(s3, work, tally, list, settings).#verify(hashes);
  }

  async #verify(hashes: KeyedHashes): Promise<Verified> {
    const { ref, storage } = this.work;
    const { activityId, attempt } = Context.current().info;
    // A try that was given up and lives on writes to another.
    const key = `${purgePrefix(ref)}report-${activityId}-${attempt}.jsonl`;
    const report = new ReportObject(this.s3, s3Uri(storage.records.bucket, key), storage);
    try {
      const take = inOrder<TargetReport>((line) => report.write(line));
      await forEachOf(this.list.places(), TARGETS_AT_ONCE, async ({ target, places, own }, index) => {
        const left: Left = { remaining: 0, later: 0, blocked: 0 };
        for (const place of places) await this.#look(place, left, own.includes(place));
        this.tally.targets += 1;
        const { bucket } = target;
        take(index, {
          hash: isObject(target) ? hashes.object(bucket, target.key) : hashes.prefix(bucket, target.prefix),
          kind: isObject(target) ? 'object' : 'prefix',
          bucket,
          ...left,
        });
        await report.drained();
      });
    } catch (error) {
      await report.discard();
      throw error;
    }
    return {
      remaining: this.#remaining,
      later: this.#later,
      blocked: this.#blocks.list(),
      ...(await report.end()),
      pages: this.tally.pages,
    };
  }

  /** What lies under two targets stands in the line of both (`once` is false for the second), and adds up once. */
  async #look(place: Target, left: Left, once: boolean): Promise<void> {
    const listing = { s3: this.s3, signal: this.#signal, onPage: () => (this.tally.pages += 1) };
    for await (const group of groupsOf(listing, place)) {
      const { versions, markers, later } = apart(group, this.work.ref);
      this.#remain(left, once, { versions: versions.length, markers: markers.length, bytes: bytesOf(versions) });
      for (const { versionId } of versions)
        if (await this.#isBlocked(place.bucket, group.key, versionId, once)) left.blocked += 1;
      for (const upload of later) await this.#came(place.bucket, group.key, upload, left, once);
    }
    for await (const { initiated } of this.#uploads.of(place)) {
      if (isLater(initiated, this.work.ref.startedAt)) this.#cameSince(left, once);
      else this.#remain(left, once, { uploads: 1 });
    }
  }

  /** An upload since. Where it is to go too, and may not, it remains as anything else that is blocked. */
  async #came(bucket: string, key: string, entry: Entry, left: Left, once: boolean): Promise<void> {
    const { uploads } = this.work.options;
    if (uploads === 'purge' && (await this.#isBlocked(bucket, key, entry.versionId, once))) {
      this.#remain(left, once, { versions: 1, bytes: entry.size });
      left.blocked += 1;
    } else this.#cameSince(left, once);
  }

  #remain(left: Left, once: boolean, more: Partial<EntryCounts>): void {
    const { versions = 0, markers = 0, uploads = 0, bytes = 0 } = more;
    left.remaining += versions + markers + uploads;
    if (!once) return;
    this.#remaining.versions += versions;
    this.#remaining.markers += markers;
    this.#remaining.uploads += uploads;
    this.#remaining.bytes += bytes;
  }

  #cameSince(left: Left, once: boolean): void {
    left.later += 1;
    if (once) this.#later += 1;
  }

  /** Whether something is known to keep a version, which is then summed up. */
  async #isBlocked(bucket: string, key: string, versionId: string, once: boolean): Promise<boolean> {
    const settings = this.settings.get(bucket);
    if (settings?.mfaDelete) {
      if (once) this.#blocks.add(bucket, { by: 'mfa delete' });
      return true;
    }
    if (!settings?.objectLock || this.#looks >= LOOKED_AT) return false;
    this.#looks += 1;
    const reason = await protectionOf(this.s3, { bucket, key, versionId }, this.#signal);
    if (reason && once) this.#blocks.add(bucket, reason);
    return reason !== undefined;
  }
}

const bytesOf = (versions: readonly Entry[]) => versions.reduce((sum, { size }) => sum + size, 0);
