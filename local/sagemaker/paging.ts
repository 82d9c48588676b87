import { ApiError } from './context.js';
import { Fields } from './validate.js';

/** How a List operation reads its records, and its defaults. */
export interface Listing<T> {
  readonly name: (record: T) => string;
  /** Epoch seconds. */
  readonly created: (record: T) => number;
  /** Epoch seconds; without it the LastModifiedTime filters and sort find the creation time. */
  readonly modified?: (record: T) => number;
  readonly status?: (record: T) => string;
  readonly sortBy?: 'Name' | 'CreationTime' | 'Status';
  readonly sortOrder?: 'Ascending' | 'Descending';
}

const DEFAULT_PAGE = 10;
const LARGEST_PAGE = 100;

/**
 * One page of a List operation: NameContains, StatusEquals, CreationTimeAfter/Before, LastModifiedTimeAfter/Before
 * (both exclusive), SortBy, SortOrder, MaxResults (1–100) and NextToken, which all of them share.
 * A token belongs to the filters it came with.
 */
export function page<T>(
  input: Record<string, unknown>,
  records: readonly T[],
  listing: Listing<T>,
): { items: T[]; NextToken?: string } {
  const fields = new Fields(input);
  const size = fields.integer('MaxResults', { min: 1, max: LARGEST_PAGE }) ?? DEFAULT_PAGE;
  const token = fields.string('NextToken', { max: 8192 });
  const sortBy = fields.string('SortBy', { values: ['Name', 'CreationTime', 'Status', 'LastModifiedTime'] });
  const sortOrder = fields.string('SortOrder', { values: ['Ascending', 'Descending'] });
  const nameContains = fields.string('NameContains', { max: 63, pattern: '[a-zA-Z0-9\\-]+' });
  const status = fields.string('StatusEquals');
  fields.done();

  const modified = listing.modified ?? listing.created;
  const kept = records.filter(
    (record) =>
      (nameContains === undefined || listing.name(record).toLowerCase().includes(nameContains.toLowerCase())) &&
      (status === undefined || listing.status?.(record) === status) &&
      within(input, 'CreationTime', listing.created(record)) &&
      within(input, 'LastModifiedTime', modified(record)),
  );

  const key = sortKey(listing, sortBy ?? listing.sortBy ?? 'CreationTime');
  const sign = (sortOrder ?? listing.sortOrder ?? 'Descending') === 'Ascending' ? 1 : -1;
  kept.sort((a, b) => sign * (compare(key(a), key(b)) || compare(listing.name(a), listing.name(b))));

  const start = token === undefined ? 0 : offsetOf(token);
  const items = kept.slice(start, start + size);
  const next = start + items.length;
  return next < kept.length ? { items, NextToken: tokenOf(next) } : { items };
}

function within(input: Record<string, unknown>, member: string, time: number): boolean {
  const after = timestamp(input, `${member}After`);
  const before = timestamp(input, `${member}Before`);
  return (after === undefined || time > after) && (before === undefined || time < before);
}

function timestamp(input: Record<string, unknown>, member: string): number | undefined {
  const value = input[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return value;
  throw new ApiError('SerializationException', `Value at '${member}' can not be converted to Timestamp`);
}

function sortKey<T>(listing: Listing<T>, sortBy: string): (record: T) => string | number {
  if (sortBy === 'Name') return listing.name;
  if (sortBy === 'Status') return listing.status ?? listing.name;
  return sortBy === 'LastModifiedTime' ? (listing.modified ?? listing.created) : listing.created;
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tokenOf(offset: number): string {
  return Buffer.from(JSON.stringify({ offset })).toString('base64url');
}

function offsetOf(token: string): number {
  const offset = /^\{"offset":(\d+)\}$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (offset === undefined)
    throw new ApiError('ValidationException', 'Invalid NextToken: use the one of the last answer');
  return Number(offset);
}
