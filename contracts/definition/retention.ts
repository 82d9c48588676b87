import { z } from 'zod';
import { dateBefore, parseSpan } from '../duration.js';
import { RECORDS_PREFIX } from '../storage/defaults.js';
import { prefix, span, timeZone } from './fields.js';

const DAILY = '0 3 * * *';
/** Spans are compared by what they come to before it: months have no fixed length. */
const SOME_DAY = '2028-12-31';

const days = (what: string) =>
  span(what).refine((text) => parseSpan(text) === undefined || dateBefore(SOME_DAY, text) < SOME_DAY, {
    error: 'must be a day or more',
  });

const schedule = z
  .strictObject({
    cron: z
      .string()
      .regex(/^\S+( \S+){4}$/, { error: 'must have five fields: minute hour day month weekday' })
      .default(DAILY)
      .describe('When to look for what is due.'),
    timeZone: timeZone.default('UTC'),
  })
  .prefault({})
  .describe('Clock of the scheduled purge.');

const dormancy = z
  .strictObject({
    owners: z
      .string()
      .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[^\s]+$/, { error: 'must be an S3 URI: s3://bucket/key' })
      .describe('CSV in S3, a line an owner: their id as it stands in keys, and the date of their last activity.')
      .meta({ examples: ['s3://my-bucket/owners/activity.csv'] }),
    keys: z
      .string()
      .regex(/^(\*|[^\s/*{}]+|[^\s/*{}]*\{owner\}[^\s/*{}]*)(\/(\*|[^\s/*{}]+|[^\s/*{}]*\{owner\}[^\s/*{}]*))*$/, {
        error: 'must be parts between slashes, each text, * alone for any one part, or text with {owner}',
      })
      .refine((value) => value.split('{owner}').length === 2, { error: 'must have {owner} exactly once' })
      .describe('Which objects below data.prefix are an owner’s: {owner} is their id, * any one part.')
      .meta({ examples: ['{owner}/*', '*/{owner}.csv'] }),
    after: days('How long without activity makes an owner dormant.').meta({ examples: ['P1Y'] }),
    apart: prefix(
      'Restricted prefix of data.bucket where their objects wait; outside data.prefix and all channels.',
    ).meta({
      examples: ['dormant/my-model/'],
    }),
    grace: span('How long they wait there before they are purged.').default('P90D'),
  })
  .describe('Purge of what belongs to people who are no longer active, in two steps.');

/** How long training data is kept. */
export const retention = z
  .union(
    [
      days('How long dated objects are kept.'),
      z.strictObject({
        age: days('How long dated objects are kept.')
          .meta({ examples: ['P3Y'] })
          .optional(),
        schedule,
        dormancy: dormancy.optional(),
      }),
    ],
    { error: 'must be a duration such as P3Y, or a map with age or dormancy' },
  )
  .describe('Purge by age, and by dormancy of owners; longer than data.window and evaluation.holdout together.')
  .meta({ examples: ['P3Y'] });

type Given = z.output<typeof retention>;
/** With every default filled in. */
type Retention = Exclude<Given, string>;

/** The data section with its retention written out: `P3Y` is short for { age: P3Y }. */
export function withRetention<T extends { retention?: Given | undefined }>({ retention: given, ...data }: T) {
  const full: Retention | undefined =
    typeof given === 'string' ? { age: given, schedule: { cron: DAILY, timeZone: 'UTC' } } : given;
  return { ...data, ...(full && { retention: full }) };
}

const mapOf = (value: unknown) =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
const spanIn = (value: unknown) => (typeof value === 'string' && parseSpan(value) ? value : undefined);
const textIn = (value: unknown) => (typeof value === 'string' ? value : undefined);

type TellFault = (path: (string | number)[], message: string) => void;

/** What retention means beside the other keys. Values of other types than the schema's may be there: their own faults name those. */
export function checkRetention(value: Record<string, unknown>, fault: TellFault): void {
  const data = mapOf(value['data']);
  const given = data['retention'];
  if (given === undefined) return;
  const short = typeof given === 'string';
  const kept = mapOf(given);
  const age = short ? given : kept['age'];
  const at = short ? [] : ['age'];
  if (!short && kept['age'] === undefined && kept['dormancy'] === undefined)
    fault(['data', 'retention'], 'must have age, dormancy, or both');
  checkAge(value, spanIn(age), (path, message) =>
    fault(path.length > 0 ? path : ['data', 'retention', ...at], message),
  );
  const apart = textIn(mapOf(kept['dormancy'])['apart']);
  if (apart !== undefined)
    checkApart(value, apart, (message) => fault(['data', 'retention', 'dormancy', 'apart'], message));
}

/** A model must not be trained on what is being erased meanwhile. */
function checkAge(value: Record<string, unknown>, age: string | undefined, fault: TellFault): void {
  if (age === undefined) return;
  const { window } = mapOf(value['data']);
  if (window === undefined)
    return fault([], 'needs data.window, at the most as long: without one a run trains on what is being erased');
  const trained = spanIn(window);
  if (trained === undefined) return;
  const holdout = spanIn(mapOf(value['evaluation'])['holdout']);
  const first = dateBefore(dateBefore(SOME_DAY, trained), holdout ?? 'P0D');
  if (dateBefore(SOME_DAY, age) <= first) return;
  const sum =
    holdout === undefined
      ? `data.window (${trained})`
      : `data.window (${trained}) and evaluation.holdout (${holdout}) together`;
  fault(
    [],
    `must not be shorter than ${sum}: runs would train on what is being erased. Shorten the window or keep the data longer`,
  );
}

/** What is set apart must be in no manifest. */
function checkApart(value: Record<string, unknown>, apart: string, fault: (message: string) => void): void {
  const data = mapOf(value['data']);
  const name = textIn(value['name']) ?? '';
  const train = textIn(data['prefix']) ?? `data/${name}/train/`;
  const parent = train.replace(/[^/]+\/$/, '');
  const channels = [
    ...(Array.isArray(data['channels']) ? data['channels'] : []),
    mapOf(value['evaluation'])['channel'],
  ];
  const taken = [
    train,
    ...channels.flatMap((channel) => (typeof channel === 'string' ? [`${parent}${channel}/`] : [])),
    textIn(data['output']) ?? `models/${name}/`,
    RECORDS_PREFIX,
  ];
  const other = taken.find((one) => one.startsWith(apart) || apart.startsWith(one));
  if (other !== undefined) fault(`must lie apart from ${other}, for example dormant/${name || 'my-model'}/`);
}
