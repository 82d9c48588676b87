import type { S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { RetentionActivities, RetentionWork } from '../../contracts/retention.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { eraseObject } from '../purge/forget.js';
import { groupsOf } from '../purge/groups.js';
import { quietly } from '../purge/failures.js';
import { forEachOf } from '../purge/streams.js';
import { isObject, readObjects } from '../purge/targets.js';
import { patiently } from '../rows/patience.js';
import { copyWithin, etagOf } from './copies.js';
import { findDue } from './due.js';
import { ownerPattern } from './owners.js';
import { changeSetApart } from './state.js';

/** Objects that are copied at the same time. */
const AT_ONCE = 8;
/** How long a delete is tried again, in milliseconds. */
const PATIENCE = 60_000;

interface Dependencies {
  readonly s3: S3Client;
  readonly hashes: () => Promise<KeyedHashes>;
}

/** What is due by age and by dormancy. The purges themselves are those of the workflow `purge`. */
export function createRetentionActivities({ s3, hashes }: Dependencies): RetentionActivities {
  return {
    findDue: async (input) => findDue(s3, await hashes(), input),

    async setApart(work) {
      const { prefix, dormancy, bucket } = placesOf(work);
      const { ownerOf } = ownerPattern(dormancy.keys);
      const keyed = await hashes();
      const owners = new Set<string>();
      for await (const key of keysOf(s3, work.targetsUri)) {
        const owner = ownerOf(key.slice(prefix.length));
        if (owner !== undefined) owners.add(keyed.value(owner));
      }
      // Before the first copy: what lies apart and is nobody's would lie there for ever.
      await changeSetApart(s3, work, (before) => ({
        ...Object.fromEntries([...owners].map((owner) => [owner, work.ref.date])),
        ...before,
      }));
      let [copied, bytes] = [0, 0];
      await forEachOf(keysOf(s3, work.targetsUri), AT_ONCE, async (key) => {
        const to = `${dormancy.apart}${key.slice(prefix.length)}`;
        const size = await patiently(() => copyWithin(s3, { bucket, from: key, to }));
        heartbeat(copied);
        if (size === undefined) return;
        copied += 1;
        bytes += size;
      });
      return { copied, bytes };
    },

    async bringBack(work) {
      const { prefix, dormancy, bucket } = placesOf(work);
      let [copied, kept] = [0, 0];
      await forEachOf(keysOf(s3, work.originsUri), AT_ONCE, async (key) => {
        heartbeat(copied + kept);
        const from = `${dormancy.apart}${key.slice(prefix.length)}`;
        const about = { resource: `bucket ${bucket}`, action: 'look for an object', permission: 's3:GetObject' };
        const there = await patiently(() => quietly(about, () => etagOf(s3, bucket, key)));
        if (there !== undefined) kept += 1;
        else if ((await patiently(() => copyWithin(s3, { bucket, from, to: key }))) !== undefined) copied += 1;
      });
      return { copied, kept };
    },

    async settleDormancy({ lists, ...work }) {
      const { dormancy, bucket } = placesOf(work);
      const { ownerOf } = ownerPattern(dormancy.keys);
      const keyed = await hashes();
      const there = new Set<string>();
      const listing = { s3, signal: cancellationSignal(), onPage: () => heartbeat(there.size) };
      for await (const { key } of groupsOf(listing, { bucket, prefix: dormancy.apart })) {
        const owner = ownerOf(key.slice(dormancy.apart.length));
        if (owner !== undefined) there.add(keyed.value(owner));
      }
      const left = await changeSetApart(s3, work, (before) =>
        Object.fromEntries(Object.entries(before).filter(([owner]) => there.has(owner))),
      );
      for (const uri of lists) await eraseObject(s3, uri, PATIENCE);
      return { apart: Object.keys(left).length };
    },
  };
}

function placesOf({ definition }: Pick<RetentionWork, 'definition'>) {
  const { bucket, prefix, retention } = definition.data;
  const dormancy = retention?.dormancy;
  if (!dormancy) throw fail('DefinitionInvalid', `model ${definition.name} has no data.retention.dormancy`);
  return { bucket, prefix, dormancy };
}

/** The keys of a list that findDue wrote. */
async function* keysOf(s3: S3Client, uri: string): AsyncGenerator<string> {
  for await (const target of readObjects(s3, uri)) if (isObject(target)) yield target.key;
}
