import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import type { RedshiftPrepare, WarehouseCheck } from '../../contracts/definition/prepare.js';
import { compactTime, s3Uri } from '../../contracts/names.js';
import {
  warehouseName,
  type PreparePreview,
  type PreparePreviewActivities,
  type PrepareInput,
} from '../../contracts/prepare.js';
import { fail } from '../errors.js';
import { readParameter } from '../parameters.js';
import { namesIn } from '../s3/objects.js';
import { recordKey } from '../s3/records.js';
import { addressOf, type WarehouseClients } from './access.js';
import { boundsInWords, checkStatement } from './check.js';
import { copyOutStatement } from './copy-out.js';
import { keyId } from './objects.js';
import { parameterValues } from './parameters.js';
import { isExported, placesOf, type Places } from './places.js';
import { copyStatement, parameterTable, tableName, unloadStatement } from './sql.js';

export interface PreparePreviewDeps extends WarehouseClients {
  readonly s3: S3Client;
  readonly kms: KMSClient;
}

/** In place of the time of a run that there is none of yet. */
const TIME = '<time>';

/** What `perennial run --dry-run` asks. Nothing is connected to but AWS: a look must load no warehouse. */
export function createPreparePreview(deps: PreparePreviewDeps): PreparePreviewActivities {
  return { previewPrepare: (input) => preview(deps, input) };
}

async function preview(
  deps: PreparePreviewDeps,
  { definition, asOf }: Pick<PrepareInput, 'definition' | 'asOf'>,
): Promise<PreparePreview> {
  if (!definition.prepare)
    throw fail('DefinitionInvalid', `${definition.name} has no prepare section; this is a defect of Perennial`);
  const { redshift } = definition.prepare;
  const runTime = new Date().toISOString();
  const input: PrepareInput = { ref: { model: definition.name, run: '', runTime }, definition, asOf };
  const places = placesOf(input);
  const problems: string[] = [];
  /** A person who asks what would happen is told of all that is wrong, not of the first. */
  const orProblem = <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch((error: Error) => {
      problems.push(error.message);
      return undefined;
    });
  const key = recordKey(definition);
  const [address, values, id, names] = await Promise.all([
    orProblem(addressInWords(deps, redshift)),
    orProblem(parameterValues(deps.ssm, input, redshift.parameters)),
    redshift.urlParameter === undefined ? orProblem(keyId(deps.kms, key)) : key,
    namesIn(deps.s3, places.bucket, places.published),
  ]);
  const foreign = names.filter((name) => !isExported(name)).length;
  const { cluster, role } = redshift;
  const withoutTime = (text: string) => text.replaceAll(compactTime(runTime), TIME);
  return {
    warehouse: warehouseName(redshift),
    ...(address !== undefined && { address }),
    ...(cluster?.user !== undefined && { user: cluster.user }),
    ...(role !== undefined && { role }),
    parameters: Object.entries(redshift.parameters).map(([name, { type, value }], index) => ({
      ...{ name, type, value: values ? (values[index] ?? null) : String(value) },
    })),
    statements: statements(redshift, places, id).map(({ what, sql }) => ({ what, sql: withoutTime(sql) })),
    checks: redshift.checks.map(checkInWords),
    label: redshift.label,
    ...(key !== undefined && { key }),
    exportTo: withoutTime(s3Uri(places.bucket, places.folder)),
    publishTo: s3Uri(places.bucket, places.published),
    published: names.length - foreign,
    foreign,
    problems,
  };
}

async function addressInWords(clients: WarehouseClients, redshift: RedshiftPrepare): Promise<string | undefined> {
  const { host, port, urlParameter } = redshift;
  if (urlParameter === undefined) {
    const own = await addressOf(clients, redshift);
    const given = `${host ?? own.host}:${port ?? own.port}`;
    return given === `${own.host}:${own.port}` ? given : `${given}, in place of its own ${own.host}:${own.port}`;
  }
  // What the parameter holds has a password: a look needs none of it.
  if (!(await readParameter(clients.ssm, urlParameter)))
    throw fail(
      'DefinitionInvalid',
      `SSM parameter ${urlParameter} (prepare.redshift.urlParameter) is missing: it must be a SecureString with postgres://user:password@host:port/database`,
    );
  return host === undefined ? undefined : `${host}${port === undefined ? '' : `:${port}`}`;
}

/** Every statement in its order, but for what sets the tag and looks at columns and history. */
function statements(redshift: RedshiftPrepare, places: Places, kmsKey: string | undefined) {
  const { role = '', setup, load, checks, query, parameters, maxFileMiB, urlParameter } = redshift;
  const { create, insert } = parameterTable(parameters);
  const to = s3Uri(places.bucket, places.parts);
  return [
    ...(Object.keys(parameters).length > 0
      ? [
          { what: 'make the parameter table', sql: create },
          { what: 'bind the parameters', sql: insert },
        ]
      : []),
    ...setup.map(({ file, sql }) => ({ what: `run ${file}`, sql })),
    ...load.flatMap((one) => [
      { what: `empty ${one.table}`, sql: `DELETE FROM ${tableName(one.table)}` },
      { what: `load ${one.table} from ${one.from}`, sql: copyStatement(one, role) },
    ]),
    ...checks.map((check) => ({ what: `check "${check.name}"`, sql: checkStatement(check) })),
    {
      what: `export ${query.file}`,
      sql:
        urlParameter === undefined
          ? unloadStatement({ query: query.sql, to, role, maxFileMiB, ...(kmsKey !== undefined && { kmsKey }) })
          : copyOutStatement(query.sql),
    },
  ];
}

function checkInWords(check: WarehouseCheck): string {
  const { name, query, rows, nulls, range } = check;
  const what =
    rows !== undefined
      ? `rows of ${rows}`
      : nulls
        ? `nulls of ${nulls.table}.${nulls.column}`
        : range
          ? `values of ${range.table}.${range.column}`
          : `the number of ${query?.file}`;
  return `${name}: ${what} ${boundsInWords(check)}`;
}
