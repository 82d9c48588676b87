import { escapeIdentifier } from 'pg';
import type { RedshiftPrepare, WarehouseLoad } from '../../contracts/definition/prepare.js';

/** Name of the temporary table of one row that statements join. */
const PARAMETERS = 'perennial_parameters';

export type ParameterTypes = RedshiftPrepare['parameters'];

const TYPES = {
  date: 'date',
  timestamp: 'timestamp',
  bigint: 'bigint',
  double: 'double precision',
  text: 'varchar(1024)',
};

/** Redshift reads backslashes in every literal as escapes (documentation, UNLOAD): both are doubled. */
const literal = (text: string): string => `'${text.replaceAll(/['\\]/g, '$&$&')}'`;

/** `public.sales` -> `"public"."sales"` */
export const tableName = (table: string): string => table.split('.').map(escapeIdentifier).join('.');

/** The table of the parameters, and the statement that fills it with bound values. COPY and UNLOAD take none themselves. */
export function parameterTable(parameters: ParameterTypes): { readonly create: string; readonly insert: string } {
  const names = Object.keys(parameters);
  const columns = names.map((name) => `${escapeIdentifier(name)} ${TYPES[parameters[name]?.type ?? 'text']}`);
  const values = names.map((name, index) => `$${index + 1}::${TYPES[parameters[name]?.type ?? 'text']}`);
  return {
    create: `CREATE TEMP TABLE ${PARAMETERS} (${columns.join(', ')})`,
    insert: `INSERT INTO ${PARAMETERS} VALUES (${values.join(', ')})`,
  };
}

/** Takes what the definition's schema lets through: literals are quoted all the same. */
export function copyStatement(load: WarehouseLoad, role: string): string {
  const { table, from, format, delimiter, timeFormat, dateFormat, ignoreHeader, manifest, region } = load;
  return [
    `COPY ${tableName(table)}`,
    `FROM ${literal(from)}`,
    `IAM_ROLE ${literal(role)}`,
    ...(format === 'csv' ? ['CSV'] : []),
    `DELIMITER ${literal(delimiter ?? (format === 'csv' ? ',' : '|'))}`,
    ...(timeFormat === undefined ? [] : [`TIMEFORMAT ${literal(timeFormat)}`]),
    ...(dateFormat === undefined ? [] : [`DATEFORMAT ${literal(dateFormat)}`]),
    ...(ignoreHeader > 0 ? [`IGNOREHEADER ${ignoreHeader}`] : []),
    ...(region === undefined ? [] : [`REGION ${literal(region)}`]),
    ...(manifest ? ['MANIFEST'] : []),
  ].join('\n');
}

/** Without the semicolon that a file may end with: the query stands inside of another statement. */
export const bare = (sql: string): string => sql.replace(/;\s*$/, '');

export interface Unload {
  readonly query: string;
  /** Of the objects' names: `s3://bucket/prefix/data_`. */
  readonly to: string;
  readonly role: string;
  readonly kmsKey?: string;
  readonly maxFileMiB: number;
}

/** CSV without a heading, encrypted, with a manifest that counts rows (Redshift documentation, UNLOAD). */
export const unloadStatement = ({ query, to, role, kmsKey, maxFileMiB }: Unload): string =>
  [
    `UNLOAD (${literal(bare(query))})`,
    `TO ${literal(to)}`,
    `IAM_ROLE ${literal(role)}`,
    'FORMAT CSV',
    ...(kmsKey === undefined ? [] : [`KMS_KEY_ID ${literal(kmsKey)}`, 'ENCRYPTED']),
    'MANIFEST VERBOSE',
    `MAXFILESIZE ${maxFileMiB} MB`,
  ].join('\n');
