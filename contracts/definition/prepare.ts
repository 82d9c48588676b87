import { z } from 'zod';
import { fixedSpan, folder, scalar } from './fields.js';

/** A file beside the definition, which `apply` and `check` read; what a run gets has its text. */
const statements = (what: string) =>
  z
    .union([
      z.string().describe('Path of a .sql file, from the folder of the definition.'),
      z.strictObject({
        file: z.string().min(1).describe('The file that the text is from.'),
        sql: z.string().trim().min(1, { error: 'must hold a statement' }).describe('Its text.'),
      }),
    ])
    .transform((value, context) => {
      if (typeof value !== 'string') return value;
      context.addIssue({ code: 'custom', message: 'must be { file, sql } where no file can be read from' });
      return z.NEVER;
    })
    .describe(what)
    .meta({ examples: ['sql/query.sql'] });

const identifier = (what: string, examples: readonly string[]) =>
  z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,126}$/, { error: 'must be a plain SQL name: lower-case letters, digits, _' })
    .describe(what)
    .meta({ examples: [...examples] });

const table = z
  .string()
  .regex(/^([a-z_][a-z0-9_]{0,126}\.)?[a-z_][a-z0-9_]{0,126}$/, {
    error: 'must be a table, or schema.table: lower-case letters, digits, _',
  })
  .describe('Table, or schema.table.')
  .meta({ examples: ['public.sales'] });

const s3Uri = (what: string) =>
  z
    .string()
    .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[^\s'\\]*$/, { error: 'must be an S3 URI: s3://bucket/prefix' })
    .describe(what);

const database = z
  .string()
  .regex(/^[A-Za-z_][\w$-]{0,63}$/, { error: 'must be a database name' })
  .describe('Database.');

const cluster = z
  .strictObject({
    identifier: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,62}$/, { error: 'must be a cluster identifier: lower-case letters, digits, hyphens' })
      .describe('Identifier of the cluster.')
      .meta({ examples: ['my-cluster'] }),
    database,
    user: z
      .string()
      .regex(/^[a-z_][a-z0-9_.@+-]{0,126}$/, { error: 'must be a database user in lower case' })
      .describe(
        "DbUser of GetClusterCredentials, which must exist; without it the worker role's own database user (GetClusterCredentialsWithIAM).",
      )
      .optional(),
    groups: z.array(z.string().min(1)).max(20).default([]).describe('DbGroups that the user joins for the session.'),
  })
  .describe('A provisioned cluster.');

const workgroup = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9-]{3,64}$/, { error: 'must be a workgroup: lower-case letters, digits, hyphens' })
      .describe('Name of the workgroup.'),
    database,
  })
  .describe('A workgroup of Redshift Serverless.');

const load = z
  .strictObject({
    table,
    from: s3Uri('Objects, by prefix; or a manifest of them.').meta({ examples: ['s3://my-bucket/raw/sales_'] }),
    format: z.enum(['delimited', 'csv']).default('delimited').describe('How fields are told apart; csv knows quotes.'),
    delimiter: z
      .string()
      .regex(/^([^\\'\s]|\\t)$/, { error: "must be one character, or '\\t'" })
      .describe('Between fields; | for delimited, a comma for csv by default.')
      .optional(),
    timeFormat: z
      .string()
      .max(64)
      .regex(/^[^'\\]+$/)
      .describe('TIMEFORMAT, such as auto or MM/DD/YYYY HH:MI:SS.')
      .optional(),
    dateFormat: z
      .string()
      .max(64)
      .regex(/^[^'\\]+$/)
      .describe('DATEFORMAT, such as auto or YYYY-MM-DD.')
      .optional(),
    ignoreHeader: z.int().min(0).max(1_000).default(0).describe('Lines to pass over at the beginning of each object.'),
    manifest: z.boolean().default(false).describe('from is a manifest.'),
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/)
      .describe("Region of the bucket, where it is not the warehouse's.")
      .optional(),
  })
  .describe('A COPY. It replaces what the table holds, in one transaction, so that it may be repeated.');

const check = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(80)
      .describe('What is checked, for people.')
      .meta({ examples: ['sales of every day'] }),
    query: statements('A query that answers one number.').optional(),
    rows: table.describe('Table whose rows are counted.').optional(),
    nulls: z
      .strictObject({ table, column: identifier('Column.', ['price']) })
      .describe('Column whose nulls are counted.')
      .optional(),
    range: z
      .strictObject({ table, column: identifier('Column.', ['price']) })
      .describe('Column whose least and greatest value must lie within min and max.')
      .optional(),
    min: z.number().describe('The least that is well.').optional(),
    max: z.number().describe('The most that is well.').optional(),
  })
  .describe(
    'One of query, rows, nulls and range, with min, max or both. A failed check stops the run before anything is exported.',
  );

const parameter = z
  .strictObject({
    type: z
      .enum(['date', 'timestamp', 'bigint', 'double', 'text'])
      .describe('Type of the column in the parameter table.'),
    value: scalar
      .describe(
        'A value, or what a run knows: ${asOf} (the as-of date), ${windowStart} (the first date of data.window), ${watermark} (the newest date deployed, empty before the first).',
      )
      .meta({ examples: ['${asOf}'] }),
  })
  .describe('Bound into a temporary table of one row, perennial_parameters, that the statements join.');

/** Data that a warehouse computes: exported as dated objects before the data is checked. */
const redshift = z
  .strictObject({
    cluster: cluster.optional(),
    workgroup: workgroup.optional(),
    urlParameter: z
      .string()
      .regex(/^\/[a-zA-Z0-9_.\-/]+$/, {
        error: 'must name an SSM SecureString that holds a PostgreSQL URL: never the URL itself',
      })
      .describe('SSM SecureString with the URL of a plain PostgreSQL, in place of cluster or workgroup.')
      .optional(),
    host: z
      .string()
      .regex(/^[A-Za-z0-9.:-]+$/)
      .describe("Host in place of the warehouse's own, e.g. of an endpoint in the VPC.")
      .optional(),
    port: z.int().min(1).max(65_535).describe('Port in place of its own.').optional(),
    ca: folder(
      'File on every worker with the certificates of the authorities (PEM) that TLS trusts; Node’s own list without it.',
    ).optional(),
    credentials: fixedSpan('How long temporary credentials are good for.', '15m', '1h').default('15m'),
    role: z
      .string()
      .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, { error: 'must be a role ARN' })
      .describe('IAM_ROLE of COPY and UNLOAD, attached to the warehouse. Needed with cluster and workgroup.')
      .optional(),
    parameters: z
      .record(identifier('Column of perennial_parameters.', ['as_of']), parameter)
      .default({})
      .describe('Values that the statements use.'),
    setup: z
      .array(statements('Statements, each safe to repeat (IF NOT EXISTS).'))
      .default([])
      .describe('DDL to run first.'),
    load: z.array(load).default([]).describe('Raw data to load.'),
    checks: z.array(check).default([]).describe('What must hold before the query.'),
    query: statements(
      'The query whose result is the data of the as-of date, its first column the label. It has no semicolon at its end.',
    ),
    label: identifier('First column of the result: it is checked, not hoped for.', ['price']),
    // S3 copies no object of more than 5 GiB in one piece (CopyObject).
    maxFileMiB: z.int().min(5).max(5_000).default(256).describe('Size of an exported object.'),
    timeout: fixedSpan('How long one statement may take.', '1m', '7d').default('6h'),
  })
  .describe('A query in Redshift whose result is exported under data.prefix, as the as-of date.');

export const prepare = z.strictObject({ redshift }).describe('How data is made before it is looked for.');

type Prepare = z.output<typeof prepare>;
export type RedshiftPrepare = Prepare['redshift'];
export type WarehouseCheck = z.output<typeof check>;
export type WarehouseLoad = z.output<typeof load>;

/** What a parameter may ask for in place of a value: `${asOf}`. */
const KNOWN_VALUES = ['asOf', 'windowStart', 'watermark'] as const;
/** The name that a parameter's value asks for; undefined for a value of its own. */
export const askedFor = (value: unknown): string | undefined => /^\$\{(.*)\}$/.exec(String(value))?.[1];

type TellFault = (path: (string | number)[], message: string) => void;
const mapOf = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

/** What keys of `prepare` mean beside each other. Values of other types than the schema's have faults of their own. */
export function checkPrepare(value: Record<string, unknown>, fault: TellFault): void {
  const given = mapOf(mapOf(value['prepare'])?.['redshift']);
  if (!given) return;
  const at = ['prepare', 'redshift'];
  const sources = ['cluster', 'workgroup', 'urlParameter'].filter((key) => given[key] !== undefined);
  if (sources.length !== 1)
    fault(
      at,
      `must have exactly one of cluster, workgroup and urlParameter${sources.length > 1 ? `, and has ${sources.join(' and ')}` : ''}`,
    );
  const plain = given['urlParameter'] !== undefined;
  if (!plain && sources.length === 1 && given['role'] === undefined)
    fault(at, 'must have role: COPY and UNLOAD reach S3 with it');
  const loads = given['load'];
  if (plain && Array.isArray(loads) && loads.length > 0)
    fault([...at, 'load'], 'needs Redshift: a plain PostgreSQL can load nothing from S3');
  if (Array.isArray(loads)) checkLoads(loads, (index, message) => fault([...at, 'load', index], message));
  const window = mapOf(value['data'])?.['window'];
  for (const [name, parameter] of Object.entries(mapOf(given['parameters']) ?? {})) {
    const asked = askedFor(mapOf(parameter)?.['value']);
    const path = [...at, 'parameters', name, 'value'];
    if (asked === undefined) continue;
    if (!(KNOWN_VALUES as readonly string[]).includes(asked))
      fault(path, `must be a value, or one of ${KNOWN_VALUES.map((one) => `\${${one}}`).join(', ')}`);
    else if (asked === 'windowStart' && window === undefined) fault(path, 'needs data.window, whose first date it is');
  }
  const checks = given['checks'];
  if (Array.isArray(checks))
    checks.forEach((one, index) => checkCheck(mapOf(one), (message) => fault([...at, 'checks', index], message)));
}

function checkLoads(loads: readonly unknown[], fault: (index: number, message: string) => void): void {
  const tables = loads.map((load) => mapOf(load)?.['table']);
  tables.forEach((table, index) => {
    if (table !== undefined && tables.indexOf(table) < index)
      fault(
        index,
        `must not load ${String(table)} once more, which would replace what the load before it brought: give one prefix or manifest`,
      );
  });
}

function checkCheck(check: Readonly<Record<string, unknown>> | undefined, fault: (message: string) => void): void {
  if (!check) return;
  const kinds = ['query', 'rows', 'nulls', 'range'].filter((key) => check[key] !== undefined);
  if (kinds.length !== 1) fault('must have exactly one of query, rows, nulls and range');
  const { min, max } = check;
  if (min === undefined && max === undefined) fault('must have min, max or both');
  if (typeof min === 'number' && typeof max === 'number' && min > max)
    fault('must have a min that is not above its max');
}
