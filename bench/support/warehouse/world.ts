import { randomBytes } from 'node:crypto';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type pg from 'pg';
import { definitionSchema, type Definition } from '../../../contracts/definition/index.js';
import type { RedshiftPrepare } from '../../../contracts/definition/prepare.js';
import { BUCKET, KEY_ALIAS, trainPrefix } from '../models.js';

/** The date that is prepared. */
export const AS_OF = '2026-06-01';
export const ROWS = 400;
/** An export of an earlier run of the same date. */
const BEFORE = ['20260101T000000000Z-0000.csv', '20260101T000000000Z-0001.csv'];
export const REPLACED = BEFORE.length;
/** So small that there are several objects; of UNLOAD the slices make two. */
const PART_MIB = 0.01;

export type Kind = 'redshift' | 'postgres';

export interface Parts {
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  /** Of an administrator, past everything; none of its statements is logged. */
  readonly admin: pg.Pool;
}

/** What one point is played on: a model, raw data, a table and a database user, all its own. */
export class World {
  readonly table: string;
  readonly user: string;
  /** Of the user of a plain PostgreSQL. */
  readonly password = randomBytes(24).toString('base64url');
  readonly #marker = `row-${randomBytes(9).toString('hex')}`;
  readonly #rows = Array.from({ length: ROWS }, (_, index) => ({
    id: index + 1,
    price: (10 + (index % 97) * 1.25).toFixed(2),
    note: `${this.#marker}-${index}`,
  }));

  private constructor(
    readonly parts: Parts,
    readonly kind: Kind,
    readonly name: string,
  ) {
    this.user = name.replaceAll('-', '_');
    this.table = `sales_${this.user}`;
  }

  static async make(parts: Parts, kind: Kind, name: string): Promise<World> {
    const world = new World(parts, kind, name);
    const { s3, admin } = parts;
    const { user, table, password } = world;
    await admin.query(`CREATE ROLE ${user} LOGIN ${kind === 'postgres' ? `PASSWORD '${password}'` : ''}`);
    // A user of the local Redshift is one that its master user made; made by others, it has to be in its hands.
    if (kind === 'redshift') await admin.query(`GRANT ${user} TO awsuser WITH ADMIN TRUE, INHERIT TRUE, SET FALSE`);
    await admin.query(`CREATE TABLE ${table} (id int, price numeric(8,2), note varchar(64))`);
    await admin.query(`ALTER TABLE ${table} OWNER TO ${user}`);
    const lines = world.#rows.map(({ id, price, note }) => `${id}|${price}|${note}\n`);
    if (kind === 'redshift')
      for (const half of [0, 1])
        await world.#put(`raw/${name}/sales_${half}`, lines.filter((_, index) => index % 2 === half).join(''));
    else
      await admin.query(
        `INSERT INTO ${table} SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(id int, price numeric, note text)`,
        [JSON.stringify(world.#rows)],
      );
    for (const one of BEFORE) await s3.send(world.#object(`${world.published}${one}`, `1.00,0,${one}\n`));
    return world;
  }

  get published(): string {
    return `${trainPrefix(this.name)}${AS_OF}/`;
  }

  get urlParameter(): string {
    return `/perennial-bench/${this.name}/url`;
  }

  /** What nobody may find in a history, a log or a command line. */
  get rowMarker(): string {
    return this.#marker;
  }

  /** Stores the URL of the plain PostgreSQL. */
  async putUrl(address: string, { password = this.password, query = '?sslmode=disable' } = {}): Promise<void> {
    const Value = `postgres://${this.user}:${password}@${address}/warehouse${query}`;
    await this.parts.ssm.send(
      new PutParameterCommand({ Name: this.urlParameter, Value, Type: 'SecureString', Overwrite: true }),
    );
  }

  /** The model, with changes that may go beyond what a definition may say: a bench must not wait for minutes. */
  definition(access: { readonly port: number; readonly ca: string }, change: Partial<RedshiftPrepare>): Definition {
    const { name, table, user } = this;
    const redshift = this.kind === 'redshift';
    const parsed = definitionSchema.parse({
      name,
      role: 'arn:aws:iam::000000000000:role/sagemaker-execution',
      data: { bucket: BUCKET, window: 'P1D' },
      prepare: {
        redshift: {
          ...(redshift
            ? { cluster: { identifier: 'local', database: 'warehouse', user }, ...access }
            : { urlParameter: this.urlParameter }),
          ...(redshift && {
            role: 'arn:aws:iam::000000000000:role/warehouse',
            load: [{ table, from: `s3://${BUCKET}/raw/${name}/sales_` }],
          }),
          parameters: { as_of: { type: 'date', value: '${asOf}' } },
          setup: [{ file: 'setup.sql', sql: `CREATE TABLE IF NOT EXISTS ${table} (id int)` }],
          checks: [{ name: 'rows', rows: table, min: ROWS }],
          query: { file: 'query.sql', sql: this.query() },
          label: 'price',
        },
      },
      training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
      encryption: { key: KEY_ALIAS },
      waiting: { poll: '1s' },
    });
    const own = { ...(parsed.prepare as { redshift: RedshiftPrepare }).redshift, ...change };
    return { ...parsed, prepare: { redshift: redshift ? own : { ...own, maxFileMiB: PART_MIB } } };
  }

  /** The query that is exported; it may be told to take its time. */
  query(seconds = 0): string {
    const slow = seconds > 0 ? `, (SELECT pg_sleep(${seconds})) AS slow` : '';
    return `SELECT price, id, note FROM ${this.table}, perennial_parameters${slow} WHERE as_of IS NOT NULL`;
  }

  /** A query that computes for hours. */
  endless(): string {
    const pairs = 'SELECT count(*) FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b WHERE a < b';
    return `SELECT price, id, note FROM ${this.table}, perennial_parameters WHERE as_of IS NOT NULL AND (${pairs}) > 0`;
  }

  /** Names of what lies under the date now. */
  async names(): Promise<string[]> {
    const page = { Bucket: BUCKET, Prefix: this.published };
    const { Contents = [] } = await this.parts.s3.send(new ListObjectsV2Command(page));
    return Contents.map(({ Key = '' }) => Key.slice(this.published.length));
  }

  /** Whether names show the earlier export, whole. */
  readonly holdsBefore = (names: readonly string[]): boolean => BEFORE.every((one) => names.includes(one));

  /** How what lies there differs from the whole export of a run, or from what was there before; in words. */
  async differences(wanted: 'export' | 'before', time: string): Promise<string[]> {
    const names = await this.names();
    const texts = await Promise.all(names.map((name) => this.#text(`${this.published}${name}`)));
    const rows = texts.join('').split('\n').filter(Boolean).sort();
    const own = names.filter((name) => name.startsWith(`${time}-`));
    const expected =
      wanted === 'before'
        ? BEFORE.map((one) => `1.00,0,${one}`)
        : this.#rows.map(({ id, price, note }) => `${price},${id},${note}`);
    const right = JSON.stringify(rows) === JSON.stringify(expected.sort());
    const named = wanted === 'before' ? own.length === 0 : own.length === names.length && own.length > 1;
    return [
      ...(right && named
        ? []
        : [`${names.length} objects with ${rows.length} rows, ${own.length} of the run, instead of the ${wanted}`]),
      ...(await this.#leftOvers(time)),
    ];
  }

  /** Rows under the run's own prefix, in any version, and uploads in flight. */
  async #leftOvers(time: string): Promise<string[]> {
    const { s3 } = this.parts;
    const page = { Bucket: BUCKET, Prefix: `models/${this.name}/runs/${time}/export/` };
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand(page));
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand(page));
    const rows = Versions.filter(({ Key = '' }) => /\/(data|clean)_/.test(Key)).length;
    return rows + Uploads.length > 0 ? [`${rows} copies and ${Uploads.length} uploads are left of the run`] : [];
  }

  async #text(Key: string): Promise<string> {
    const { Body } = await this.parts.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    return (await Body?.transformToString()) ?? '';
  }

  #object(Key: string, Body: string): PutObjectCommand {
    return new PutObjectCommand({ Bucket: BUCKET, Key, Body });
  }

  async #put(key: string, body: string): Promise<void> {
    await this.parts.s3.send(this.#object(key, body));
  }
}
