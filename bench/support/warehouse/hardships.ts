import type { RedshiftPrepare } from '../../../contracts/definition/prepare.js';
import type { FailureType } from '../../../contracts/failures.js';
import { credentials, expired, impatient, locked, relay, terminated, url, type Arrange } from './arrangements.js';
import type { WarehouseSetting } from './setting.js';
import type { Kind, World } from './world.js';

const DENIED =
  '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:sts::000000000000:assumed-role/worker/x is not authorized to perform: redshift:GetClusterCredentials on resource: dbuser</Message></Error></ErrorResponse>';

/** How a run must end: with its export published, or typed, with words, and with what was there before. */
export type Wanted = 'Trained' | { readonly type: FailureType; readonly says: RegExp };

/** One way in which a warehouse makes it hard for a run. */
export interface Hardship {
  readonly name: string;
  readonly kind: Kind;
  readonly ends: Wanted;
  /** Changes of the definition. */
  readonly change?: (world: World, setting: WarehouseSetting) => Partial<RedshiftPrepare>;
  readonly arrange?: Arrange;
}

const query = (sql: (world: World) => string) => (world: World) => ({ query: { file: 'query.sql', sql: sql(world) } });
const impossible = ({ table }: World) => ({ checks: [{ name: 'rows', rows: table, min: 1_000_000 }] });
const shortly = () => ({ timeout: '5s' });
const fails = (type: FailureType, says: RegExp): Wanted => ({ type, says });

const redshift: Omit<Hardship, 'kind'>[] = [
  {
    name: 'a wrong password',
    ends: fails('AccessDenied', /password authentication failed/),
    arrange: credentials((answer) => ({ ...answer, body: answer.body.replace(/(<DbPassword>)[^<]+/, '$1wrong') })),
  },
  { name: 'credentials that expire before the login, once', ends: 'Trained', arrange: expired },
  {
    name: 'no credentials: AWS refuses them',
    ends: fails('AccessDenied', /redshift:GetClusterCredentials/),
    arrange: credentials(() => ({ status: 403, headers: { 'content-type': 'text/xml' }, body: DENIED })),
  },
  {
    name: 'no credentials: an answer without them, once',
    ends: 'Trained',
    arrange: credentials((answer) => ({ ...answer, body: answer.body.replace(/<DbPassword>.*<\/DbPassword>/, '') }), 1),
  },
  {
    name: 'a user that is not there',
    ends: fails('DefinitionInvalid', /connect failed: .*does not exist/),
    change: () => ({ cluster: { identifier: 'local', database: 'warehouse', user: 'nobody', groups: [] } }),
  },
  {
    name: 'a cluster that is not there',
    ends: fails('ResourceMissing', /cluster elsewhere/),
    change: ({ user }) => ({ cluster: { identifier: 'elsewhere', database: 'warehouse', user, groups: [] } }),
  },
  {
    name: 'a server without TLS',
    ends: fails('AccessDenied', /does not support SSL/),
    arrange: relay('no TLS'),
  },
  {
    name: 'a certificate of another authority',
    ends: fails('AccessDenied', /TLS: .*prepare\.redshift\.ca/),
    change: (_world, { stack }) => ({ ca: stack.env['NODE_EXTRA_CA_CERTS'] }),
  },
  {
    name: 'a query that is no SQL',
    ends: fails('DefinitionInvalid', /syntax error/),
    change: query(({ table }) => `SELECT price FORM ${table}`),
  },
  {
    name: 'a query of a table without a right to it',
    ends: fails('AccessDenied', /permission denied/),
    change: query(() => 'SELECT version AS price FROM redshift_local.load_errors'),
  },
  {
    name: 'a value that does not fit its type',
    ends: fails('DataInvalid', /SQLSTATE 22/),
    change: query(({ table }) => `SELECT price, note::int AS note FROM ${table}`),
  },
  { name: 'a lock, for a while', ends: 'Trained', arrange: locked(5) },
  {
    name: 'a lock, longer than a statement may take',
    ends: fails('WaitTimedOut', /a lock of somebody else/),
    change: shortly,
    arrange: locked(12),
  },
  { name: 'a lock that the server gives up on', ends: 'Trained', arrange: impatient },
  {
    name: 'a check that fails',
    ends: fails('DataInvalid', /"rows" is 400, wanted at least 1000000/),
    change: impossible,
  },
  {
    name: 'an UNLOAD whose session is terminated',
    ends: 'Trained',
    change: query((world) => world.query(3)),
    arrange: terminated,
  },
  { name: 'a warehouse that is down, for a while', ends: 'Trained', arrange: relay('down', 6) },
];

const postgres: Omit<Hardship, 'kind'>[] = [
  {
    name: 'a wrong password in the URL',
    ends: fails('AccessDenied', /password authentication failed/),
    arrange: url(() => ({ password: 'not-the-password' })),
  },
  {
    name: 'no URL',
    ends: fails('DefinitionInvalid', /is missing/),
    change: () => ({ urlParameter: '/perennial-bench/nothing' }),
  },
  {
    name: 'a server without TLS, where the URL asks for it',
    ends: fails('AccessDenied', /does not support SSL/),
    arrange: url(() => ({ query: '' })),
  },
  {
    name: 'a lock, longer than a statement may take',
    ends: fails('WaitTimedOut', /a lock of somebody else/),
    change: shortly,
    arrange: locked(12),
  },
  { name: 'a check that fails', ends: fails('DataInvalid', /wanted at least 1000000/), change: impossible },
  {
    name: 'a COPY whose session is terminated',
    ends: 'Trained',
    change: query((world) => world.query(3)),
    arrange: terminated,
  },
];

export const HARDSHIPS: readonly Hardship[] = [
  ...redshift.map((one) => ({ ...one, kind: 'redshift' as const })),
  ...postgres.map((one) => ({ ...one, kind: 'postgres' as const })),
];
