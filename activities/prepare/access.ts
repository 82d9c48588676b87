import {
  DescribeClustersCommand,
  GetClusterCredentialsCommand,
  GetClusterCredentialsWithIAMCommand,
  type RedshiftClient,
} from '@aws-sdk/client-redshift';
import {
  GetCredentialsCommand,
  GetWorkgroupCommand,
  type RedshiftServerlessClient,
} from '@aws-sdk/client-redshift-serverless';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { ClientConfig } from 'pg';
import type { RedshiftPrepare } from '../../contracts/definition/prepare.js';
import { durationMs } from '../../contracts/duration.js';
import { warehouseName } from '../../contracts/prepare.js';
import { fail, withFailures } from '../errors.js';
import { postgresAccess } from './postgres-url.js';
import { tls } from './tls.js';

export interface WarehouseClients {
  readonly redshift: RedshiftClient;
  readonly redshiftServerless: RedshiftServerlessClient;
  readonly ssm: SSMClient;
}

/** How a warehouse is reached. Holds a password: it goes to the client and nowhere else. */
export interface Access {
  readonly config: ClientConfig;
  /** As people know it. */
  readonly name: string;
  readonly dialect: 'redshift' | 'postgres';
}

/** Where a warehouse listens. */
interface Address {
  readonly host: string;
  readonly port: number;
}

/** Asks for temporary credentials, each time anew: what is kept can be lost. */
export async function accessOf(clients: WarehouseClients, prepare: RedshiftPrepare): Promise<Access> {
  const { cluster, workgroup, urlParameter } = prepare;
  const name = warehouseName(prepare);
  if (urlParameter !== undefined) return postgresAccess(clients.ssm, prepare, urlParameter, name);
  const [own, credentials] = await Promise.all([
    addressOf(clients, prepare),
    cluster ? clusterCredentials(clients.redshift, prepare, cluster) : workgroupCredentials(clients, prepare),
  ]);
  const host = prepare.host ?? own.host;
  const { database } = (cluster ?? workgroup) as { database: string };
  const config: ClientConfig = {
    ...{ host, port: prepare.port ?? own.port, database, ...credentials },
    ssl: await tls(prepare, own.host),
  };
  return { config, name, dialect: 'redshift' };
}

/** Where a cluster or a workgroup listens itself. */
export const addressOf = (clients: WarehouseClients, prepare: RedshiftPrepare): Promise<Address> =>
  prepare.cluster
    ? clusterAddress(clients.redshift, prepare.cluster)
    : workgroupAddress(clients.redshiftServerless, prepare.workgroup as Workgroup);

type Cluster = NonNullable<RedshiftPrepare['cluster']>;
type Workgroup = NonNullable<RedshiftPrepare['workgroup']>;
const seconds = ({ credentials }: RedshiftPrepare) => durationMs(credentials) / 1_000;

async function clusterAddress(client: RedshiftClient, cluster: Cluster): Promise<Address> {
  const resource = `cluster ${cluster.identifier}`;
  const { Clusters = [] } = await withFailures(
    { resource, action: 'look up its address', permission: 'redshift:DescribeClusters' },
    () => client.send(new DescribeClustersCommand({ ClusterIdentifier: cluster.identifier })),
  );
  const { Endpoint, ClusterStatus } = Clusters[0] ?? {};
  return addressed(resource, Endpoint?.Address, Endpoint?.Port, ClusterStatus);
}

async function workgroupAddress(client: RedshiftServerlessClient, { name }: Workgroup): Promise<Address> {
  const { workgroup } = await withFailures(
    { resource: `workgroup ${name}`, action: 'look up its address', permission: 'redshift-serverless:GetWorkgroup' },
    () => client.send(new GetWorkgroupCommand({ workgroupName: name })),
  );
  return addressed(`workgroup ${name}`, workgroup?.endpoint?.address, workgroup?.endpoint?.port, workgroup?.status);
}

/** A cluster that is paused or being resized has no address for a while. */
function addressed(resource: string, host: string | undefined, port: number | undefined, status = 'unknown'): Address {
  if (host === undefined || port === undefined)
    throw fail(
      'ServiceUnavailable',
      `${resource} has no address: its status is ${status}. It is tried again; resume it if it is paused`,
    );
  return { host, port };
}

type Credentials = Pick<ClientConfig, 'user'> & { readonly password: string };

async function clusterCredentials(
  client: RedshiftClient,
  prepare: RedshiftPrepare,
  cluster: Cluster,
): Promise<Credentials> {
  const { identifier, database, user, groups } = cluster;
  const common = { ClusterIdentifier: identifier, DbName: database, DurationSeconds: seconds(prepare) };
  const resource = `cluster ${identifier}`;
  if (user === undefined) {
    const about = { resource, action: 'get credentials', permission: 'redshift:GetClusterCredentialsWithIAM' };
    const answer = await withFailures(about, () => client.send(new GetClusterCredentialsWithIAMCommand(common)));
    return given(resource, answer.DbUser, answer.DbPassword);
  }
  const about = { resource, action: `get credentials of ${user}`, permission: 'redshift:GetClusterCredentials' };
  // A user that nobody made has no rights that anybody gave: none is made here.
  const request = { ...common, DbUser: user, AutoCreate: false, ...(groups.length > 0 && { DbGroups: groups }) };
  const answer = await withFailures(about, () => client.send(new GetClusterCredentialsCommand(request)));
  return given(resource, answer.DbUser, answer.DbPassword);
}

async function workgroupCredentials(
  { redshiftServerless }: WarehouseClients,
  prepare: RedshiftPrepare,
): Promise<Credentials> {
  const { name, database } = prepare.workgroup as Workgroup;
  const resource = `workgroup ${name}`;
  const about = { resource, action: 'get credentials', permission: 'redshift-serverless:GetCredentials' };
  const answer = await withFailures(about, () =>
    redshiftServerless.send(
      new GetCredentialsCommand({ workgroupName: name, dbName: database, durationSeconds: seconds(prepare) }),
    ),
  );
  return given(resource, answer.dbUser, answer.dbPassword);
}

function given(resource: string, user: string | undefined, password: string | undefined): Credentials {
  if (user === undefined || password === undefined)
    throw fail(
      'ServiceUnavailable',
      `${resource}: the answer held no credentials. It is tried again; check AWS_ENDPOINT_URL_REDSHIFT`,
    );
  return { user, password };
}
