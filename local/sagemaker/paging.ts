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
  /** What StatusEquals may be, for a kind that has statuses. */
  readonly statuses?: readonly string[];
  readonly sortBy?: 'Name' | 'CreationTime' | 'Status';
  readonly sortOrder?: 'Ascending' | 'Descending';
}

/** Where a record stands in a listing: what it is sorted by, then its name. */
type Position = readonly [string | number, string];

const DEFAULT_PAGE = 10;
const LARGEST_PAGE = 100;

/**
 * One page of a List operation: NameContains, StatusEquals, CreationTimeAfter/Before, LastModifiedTimeAfter/Before
 * (both exclusive), SortBy, SortOrder, MaxResults (1–100) and NextToken, which all of them share.
 * A token belongs to the filters and the order it came with; it names the last record shown, so that records which come
 * and go between two pages neither hide nor repeat others.
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
  const status = fields.string('StatusEquals', listing.statuses && { values: listing.statuses });
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
  const order = (a: Position, b: Position): number => sign * (compare(a[0], b[0]) || compare(a[1], b[1]));
  const found = kept
    .map((record) => ({ record, position: [key(record), listing.name(record)] as Position }))
    .sort((a, b) => order(a.position, b.position));

  const shown = token === undefined ? undefined : positionOf(token);
  const left = shown === undefined ? found : found.filter(({ position }) => order(position, shown) > 0);
  const items = left.slice(0, size).map(({ record }) => record);
  const last = left[size - 1];
  return last && left.length > size ? { items, NextToken: tokenOf(last.position) } : { items };
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

function tokenOf([key, name]: Position): string {
  return Buffer.from(`${typeof key}:${key}:${name}`).toString('base64url');
}

function positionOf(token: string): Position {
  const text = Buffer.from(token, 'base64url').toString();
  const [, type, key, name] = /^(string|number):([^:]*):([^:]*)$/.exec(text) ?? [];
  if (key === undefined || name === undefined) {
    throw new ApiError('ValidationException', 'Invalid NextToken: use the one of the last answer');
  }
  return [type === 'number' ? Number(key) : key, name];
}
