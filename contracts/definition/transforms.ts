import { z } from 'zod';
import { fixedSpan, instanceType, name, timeZone } from './fields.js';

/** Content types that SageMaker filters and joins. Source: developer guide, Associate Prediction Results with Input Records. */
const FILTERED = new Set(['text/csv', 'application/json', 'application/jsonlines']);
/** MB that may be on their way to one instance: MaxConcurrentTransforms × MaxPayloadInMB (API reference, CreateTransformJob). */
const MOST_IN_FLIGHT_MB = 100;
const MOST_TRANSFORMS = 20;
const MOST_NAME = 40;

const s3Uri = (what: string, words: string, pattern: RegExp) =>
  z
    .string()
    .max(900, { error: "must have at most 900 characters: SageMaker's limit is 1024, and a run adds to it" })
    .regex(pattern, { error: words })
    .describe(what);

const filter = (what: string) =>
  z
    .string()
    .min(1)
    .max(63, { error: "must have at most 63 characters, SageMaker's limit" })
    .regex(/^\$/, { error: 'must be a JSONPath expression, which starts with $: $[1:]' })
    .describe(what);

const schedule = z
  .strictObject({
    cron: z
      .string()
      .regex(/^\S+( \S+){4}$/, { error: 'must have five fields: minute hour day month weekday' })
      .describe('When to transform.')
      .meta({ examples: ['0 6 * * *'] }),
    timeZone: timeZone.describe('Time zone of the cron expression and of the dates in input.').default('UTC'),
  })
  .describe('A cron schedule; without it the transform is started by hand.');

const transform = z
  .strictObject({
    name: name('Name of the transform; the last part of output by default.', MOST_NAME)
      .meta({ examples: ['daily'] })
      .optional(),
    input: s3Uri(
      'Objects to answer: each whose key starts with this. {date}, {year}, {month}, {day} stand for the day.',
      'must be an S3 URI, s3://bucket/prefix/, with no placeholders but {date}, {year}, {month} and {day}',
      /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/([^\s{}]|\{(date|year|month|day)\})+$/,
    ).meta({ examples: ['s3://my-bucket/rows/{date}/'] }),
    daysBack: z.int().min(0).max(3650).default(0).describe('How many days before the run the day in input lies.'),
    manifest: z.boolean().default(false).describe('Whether input is a manifest: a JSON list of a prefix and keys.'),
    output: s3Uri(
      'Where answers go: <output>/<time of the run>/<key of the input>.out.',
      'must be an S3 URI, s3://bucket/prefix/, without placeholders',
      /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^\s{}/]+)+\/?$/,
    ).meta({ examples: ['s3://my-bucket/predictions/daily/'] }),
    schedule: schedule.optional(),
    contentType: z.string().min(1).max(256).default('text/csv').describe('ContentType of the rows.'),
    accept: z
      .string()
      .min(1)
      .max(256)
      .describe("ContentType of the answers; the model's own by default, contentType with join or outputFilter.")
      .optional(),
    compression: z.enum(['none', 'gzip']).default('none').describe('Compression of the objects.'),
    split: z.enum(['line', 'none']).default('line').describe('Whether each line is a record, or the object is one.'),
    strategy: z.enum(['multi', 'single']).default('multi').describe('Records in a request: as many as fit, or one.'),
    maxPayloadMB: z
      .int()
      .min(0)
      .max(100)
      .describe("Largest request; the model's own wish or 6 by default. 0: no limit, for images that take chunks.")
      .optional(),
    maxConcurrent: z
      .int()
      .min(1)
      .max(100)
      .describe("Requests at once to an instance; the model's own wish or 1 by default.")
      .optional(),
    label: z
      .enum(['none', 'first'])
      .default('none')
      .describe('Whether the rows carry a label: with first, the first column is not sent to the model.'),
    join: z.enum(['none', 'input']).default('none').describe('Whether the rows stand beside their answers.'),
    inputFilter: filter('What of a row the model gets, as JSONPath.')
      .meta({ examples: ['$[1:]'] })
      .optional(),
    outputFilter: filter('What of answer, or row and answer, is written, as JSONPath.')
      .meta({ examples: ['$[0,-1]'] })
      .optional(),
    instanceType: instanceType('Instance type.').default('ml.m5.large'),
    count: z.int().min(1).max(100).default(1).describe('Number of instances, which share the objects.'),
    maxWait: fixedSpan('How long a job may take before it is stopped.', '1m', '28d').default('1d'),
  })
  .describe('One batch transform.')
  .meta({ examples: [{ input: 's3://my-bucket/rows/', output: 's3://my-bucket/predictions/' }] })
  .superRefine((value, ctx) => crossCheck(value, (path, message) => ctx.addIssue({ code: 'custom', path, message })), {
    // Also beside other faults, so that one message has them all.
    when: ({ value }) => isMap(value),
  });

/** Batch inference, by schedule or by hand. */
export const transforms = z
  .array(transform)
  .max(MOST_TRANSFORMS, { error: `must have at most ${MOST_TRANSFORMS} entries` })
  .default([])
  .describe('Batch inference with the live model.')
  .superRefine((value, ctx) => together(value, (path, message) => ctx.addIssue({ code: 'custom', path, message })), {
    when: ({ value }) => Array.isArray(value),
  });

/** The transforms with a name each: what workflows and activities see. */
export const named = (given: z.output<typeof transforms>) =>
  given.map((one) => ({ ...one, name: one.name ?? nameOf(one.output) }));

/** The last part of an output URI as a name: letters, digits, hyphens between them. */
export function nameOf(output: string): string {
  const last = output.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const word = last
    .replaceAll(/[^a-zA-Z0-9]+/g, '-')
    .slice(0, MOST_NAME)
    .replaceAll(/^-+|-+$/g, '');
  return word === '' ? 'transform' : word;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Fault = (path: (string | number)[], message: string) => void;

/** What one key alone can't say. Values of other types than the schema's may be there: their own faults name those. */
function crossCheck(value: Record<string, unknown>, fault: Fault): void {
  const { input, output, split, contentType, accept, join, inputFilter, outputFilter } = value;
  const { strategy, label, manifest, maxPayloadMB, maxConcurrent } = value;
  if (strategy === 'single' && split === 'none')
    fault(['strategy'], 'must be multi, or split line: what is not split is one record');
  if (
    typeof maxPayloadMB === 'number' &&
    typeof maxConcurrent === 'number' &&
    maxPayloadMB * maxConcurrent > MOST_IN_FLIGHT_MB
  )
    fault(
      ['maxConcurrent'],
      `must be at most ${Math.floor(MOST_IN_FLIGHT_MB / maxPayloadMB)} with maxPayloadMB ${maxPayloadMB}: SageMaker takes ${MOST_IN_FLIGHT_MB} MB at once`,
    );
  if (label === 'first' && inputFilter !== undefined)
    fault(['inputFilter'], 'must not stand beside label: first, which is the filter $[1:]');
  const type = mediaType(contentType);
  if (label === 'first' && type !== undefined && type !== 'text/csv')
    fault(['label'], 'must be none unless contentType is text/csv: use inputFilter');
  const processed = join === 'input' || inputFilter !== undefined || outputFilter !== undefined;
  if (processed && type !== undefined && !FILTERED.has(type))
    fault(['contentType'], `must be one of ${[...FILTERED].join(', ')}: SageMaker filters and joins no other`);
  if ((processed || label === 'first') && type === 'text/csv' && split === 'none')
    fault(['split'], 'must be line: rows of text/csv are filtered and joined line by line');
  const answers = mediaType(accept);
  if ((join === 'input' || outputFilter !== undefined) && answers !== undefined && answers !== type)
    fault(
      ['accept'],
      `must be ${type ?? 'that of contentType'}: SageMaker joins and filters answers of the type of the rows`,
    );
  if (typeof input === 'string' && typeof output === 'string' && manifest !== true && within(output, input))
    fault(['output'], 'must not lie inside input: the next run would take the answers for rows');
}

const mediaType = (value: unknown) =>
  typeof value === 'string' ? (value.split(';')[0] ?? '').trim().toLowerCase() : undefined;

const DIGITS: Readonly<Record<string, string>> = {
  '{date}': String.raw`\d{4}-\d{2}-\d{2}`,
  '{year}': String.raw`\d{4}`,
  '{month}': String.raw`\d{2}`,
  '{day}': String.raw`\d{2}`,
};

/** Whether a folder's objects have keys that start with the input, on whatever day. A prefix need not end with a slash. */
function within(output: string, input: string): boolean {
  const folder = `${output.replace(/\/+$/, '')}/`;
  const pattern = input
    .split(/(\{date\}|\{year\}|\{month\}|\{day\})/)
    .map((part) => DIGITS[part] ?? part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('');
  return new RegExp(`^${pattern}`).test(folder);
}

/** Faults between transforms of one model: equal names, equal outputs. */
function together(value: readonly unknown[], fault: Fault): void {
  const names = new Map<string, number>();
  const outputs = new Map<string, number>();
  for (const [index, one] of value.entries()) {
    if (!isMap(one) || typeof one['output'] !== 'string') continue;
    const output = one['output'].replace(/\/+$/, '');
    const given = typeof one['name'] === 'string' ? one['name'] : undefined;
    const called = given ?? nameOf(output);
    const [same, alike] = [outputs.get(output), names.get(called)];
    if (same !== undefined)
      fault([index, 'output'], `must not be that of transforms.${same}: give each transform its own`);
    else if (alike !== undefined && given === undefined)
      fault(
        [index],
        `must have a name: its output ends like that of transforms.${alike}, so both would be called ${called}`,
      );
    if (alike !== undefined && given !== undefined) fault([index, 'name'], `must not be that of transforms.${alike}`);
    if (same === undefined) outputs.set(output, index);
    if (alike === undefined) names.set(called, index);
  }
}
