import { parseArn } from './arn.js';
import { ApiError, type Context, type Operation } from './context.js';
import { Fields } from './validate.js';

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

const MOST_TAGS = 50;

/** Checks the `Tags` member of a request (50 at most, keys 1–128, values up to 256) into `fields`; returns the tags. */
export function readTags(input: Record<string, unknown>, fields: Fields, required = false): Tag[] {
  for (const tag of fields.structures('Tags', { max: MOST_TAGS, required })) {
    tag.string('Key', {
      required: true,
      min: 1,
      max: 128,
      pattern: '^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$',
      unicode: true,
    });
    tag.string('Value', { required: true, max: 256, pattern: '^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$', unicode: true });
  }
  fields.onceDone(() => {
    const tags = (input['Tags'] as Tag[] | null | undefined) ?? [];
    refuseReserved(tags.map(({ Key }) => Key));
    refuseDuplicates(tags);
  });
  return (input['Tags'] as Tag[] | null | undefined) ?? [];
}

/** Tags of a resource, by its ARN. */
export function tagsOf(ctx: Context, arn: string): Tag[] {
  return ctx.store.get<{ tags: Tag[] }>('tags', arn)?.tags ?? [];
}

/** Gives a new resource its tags: whatever was kept for an ARN of that name before is gone. */
export function setTags(ctx: Context, arn: string, tags: readonly Tag[]): void {
  if (tags.length > 0) ctx.store.put('tags', arn, { arn, tags });
  else dropTags(ctx, arn);
}

/** Forgets tags whose resource was never stored, or is gone: what an end in the middle of a Create or Delete leaves. */
export function dropOrphanedTags(ctx: Context): void {
  for (const { arn } of ctx.store.list<{ arn?: string }>('tags')) {
    if (arn !== undefined && !isThere(ctx, arn)) dropTags(ctx, arn);
  }
}

/** Adds tags, the last of a key winning; more than 50 in all is a ValidationException. */
function addTags(ctx: Context, arn: string, added: readonly Tag[]): Tag[] {
  const merged = new Map([...tagsOf(ctx, arn), ...added].map((tag) => [tag.Key, tag]));
  if (merged.size > MOST_TAGS) {
    throw new ApiError('ValidationException', `Tag limit exceeded: ${arn} may have at most ${MOST_TAGS} tags`);
  }
  const tags = [...merged.values()];
  if (tags.length > 0) ctx.store.put('tags', arn, { arn, tags });
  return tags;
}

/** Forgets all tags of a resource that is deleted. */
export function dropTags(ctx: Context, arn: string): void {
  ctx.store.delete('tags', arn);
}

/** AddTags, ListTags and DeleteTags. A resource that does not exist is `Requested resource not found.`. */
export const tagOperations: Readonly<Record<string, Operation>> = {
  AddTags(input, ctx) {
    const fields = new Fields(input);
    const arn = fields.string('ResourceArn', { required: true, max: 256 });
    const tags = readTags(input, fields, true);
    fields.done();
    return Promise.resolve({ Tags: addTags(ctx, existing(ctx, arn), tags) });
  },

  ListTags(input, ctx) {
    const fields = new Fields(input);
    const arn = fields.string('ResourceArn', { required: true, max: 256 });
    // A resource has 50 tags at most, the smallest page AWS allows here, so one page holds them all.
    fields.integer('MaxResults', { min: 50 });
    fields.done();
    return Promise.resolve({ Tags: tagsOf(ctx, existing(ctx, arn)) });
  },

  DeleteTags(input, ctx) {
    const fields = new Fields(input);
    const arn = fields.string('ResourceArn', { required: true, max: 256 });
    const keys = fields.strings('TagKeys', { required: true, min: 1, max: MOST_TAGS }, { min: 1, max: 128 });
    fields.done();
    refuseReserved(keys);
    const resource = existing(ctx, arn);
    const tags = tagsOf(ctx, resource).filter((tag) => !keys.includes(tag.Key));
    ctx.store.put('tags', resource, { arn: resource, tags });
    return Promise.resolve({});
  },
};

/** The ARN as we keep it, once its resource is known to exist. */
function existing(ctx: Context, arn: string | undefined): string {
  const parsed = arn === undefined ? undefined : parseArn(arn);
  if (!arn || !parsed) throw new ApiError('ValidationException', `Invalid ARN: ${String(arn)}`);
  if (!isThere(ctx, arn)) throw new ApiError('ValidationException', 'Requested resource not found.');
  return arn;
}

function isThere(ctx: Context, arn: string): boolean {
  const parsed = parseArn(arn);
  return (
    parsed !== undefined &&
    ctx.store.list<Record<string, unknown>>(parsed.kind).some((record) => Object.values(record).includes(arn))
  );
}

/** AWS keeps this prefix to itself, in whatever case it is written; the text is SageMaker's. */
function refuseReserved(keys: readonly string[]): void {
  const reserved = keys.find((key) => key.toLowerCase().startsWith('aws:'));
  if (reserved === undefined) return;
  throw new ApiError('ValidationException', `System prefix 'aws:' reserved for AWS usage in tag key: ${reserved}`);
}

function refuseDuplicates(tags: readonly Tag[]): void {
  const twice = tags.find(({ Key }, index) => tags.findIndex((other) => other.Key === Key) < index);
  if (twice) throw new ApiError('ValidationException', `Duplicate tag keys are not allowed in a request: ${twice.Key}`);
}
