import { createHash } from 'node:crypto';
import type { RunRef } from '../contracts/activities.js';
import type { Definition } from '../contracts/definition/index.js';
import { TAGS } from '../contracts/names.js';

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/** SHA-256 of a request, whatever the order of its keys: what a resource was asked to be. Absent and undefined members are the same. */
export function specHash(request: object): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(request)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}

/** Tags of a resource that a run makes: the definition's own, and Perennial's, which win. `extra` are further ones of ours. */
export function tagsOf(ref: RunRef, definition: Definition, extra: Readonly<Record<string, string>> = {}): Tag[] {
  const tags = { ...definition.training.tags, [TAGS.model]: ref.model, [TAGS.run]: ref.run, ...extra };
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Value of a tag, undefined without it. */
export const tagValue = (tags: readonly { Key?: string; Value?: string }[] | undefined, key: string) =>
  tags?.find((tag) => tag.Key === key)?.Value;

/** The VpcConfig and EnableNetworkIsolation members of a request. */
export function networkOf({ network }: Definition) {
  if (!network) return {};
  return {
    VpcConfig: { Subnets: [...network.subnets], SecurityGroupIds: [...network.securityGroups] },
    ...(network.isolation && { EnableNetworkIsolation: true }),
  };
}
