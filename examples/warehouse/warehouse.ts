import { readFile } from 'node:fs/promises';
import { DescribeClustersCommand, GetClusterCredentialsCommand, RedshiftClient } from '@aws-sdk/client-redshift';
import pg from 'pg';
import type { Definition } from '../../contracts/definition/index.js';
import { packagePath } from '../../local/paths.js';
import { awsSettings, type Env } from '../demo/account.js';

/** An event of the best thousandth. Dollars. */
export interface TopEvent {
  readonly name: string;
  readonly total: number;
}

/** A statement as the local Redshift received it (docs/local-mode.md). */
export interface LoggedStatement {
  readonly user: string;
  readonly label: string;
  readonly type: string;
  readonly status: string;
  readonly text: string;
}

/** What the local Redshift's log holds under labels that begin so, in order. */
export async function statementsOf(env: Env, label: string): Promise<LoggedStatement[]> {
  const response = await fetch(`${env['AWS_ENDPOINT_URL_REDSHIFT']}/_local/statements`);
  if (!response.ok) throw new Error(`The local Redshift answers ${response.status} for its log of statements.`);
  const { statements } = (await response.json()) as { statements: LoggedStatement[] };
  return statements.filter((statement) => statement.label.startsWith(label));
}

/** What sql/top-percentile.sql answers, asked with temporary credentials as an analyst would. */
export async function topEvents(env: Env, { prepare }: Definition): Promise<TopEvent[]> {
  const cluster = prepare?.redshift.cluster;
  if (!cluster) throw new Error('The definition names no cluster under prepare.redshift.');
  const client = new pg.Client(await accessTo(env, cluster));
  await client.connect();
  try {
    const sql = await readFile(packagePath('examples/warehouse/sql/top-percentile.sql'), 'utf8');
    const { rows } = await client.query<{ eventname: string; total_price: string }>(sql);
    return rows.map(({ eventname, total_price }) => ({ name: eventname, total: Number(total_price) }));
  } finally {
    await client.end();
  }
}

async function accessTo(
  env: Env,
  { identifier, database, user }: { identifier: string; database: string; user?: string },
): Promise<pg.ClientConfig> {
  const redshift = new RedshiftClient({ ...awsSettings(env), endpoint: env['AWS_ENDPOINT_URL_REDSHIFT'] });
  try {
    const [{ Clusters = [] }, { DbUser, DbPassword }] = await Promise.all([
      redshift.send(new DescribeClustersCommand({ ClusterIdentifier: identifier })),
      redshift.send(
        new GetClusterCredentialsCommand({ ClusterIdentifier: identifier, DbName: database, DbUser: user }),
      ),
    ]);
    const { Address: host, Port: port } = Clusters[0]?.Endpoint ?? {};
    const ca = await readFile(env['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8');
    return { host, port, database, user: DbUser, password: DbPassword, ssl: { ca } };
  } finally {
    redshift.destroy();
  }
}
