import { randomUUID } from 'node:crypto';
import { CLUSTER, durationOf, ownLogin, userLogin, type Warehouse } from './cluster.js';
import type { Issued } from './credentials.js';
import { ApiError } from './error.js';

const NAMESPACE = 'http://redshift.amazonaws.com/doc/2012-12-01/';

type Value = string | number | boolean | Date | Fields | readonly Fields[];
interface Fields {
  readonly [name: string]: Value;
}

const escaped = (text: string) =>
  text.replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] as string);

function xml(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => {
      if (value instanceof Date) return `<${name}>${value.toISOString()}</${name}>`;
      // A list of clusters has one element for each of them.
      if (Array.isArray(value))
        return `<${name}>${(value as Fields[]).map((one) => `<${name.slice(0, -1)}>${xml(one)}</${name.slice(0, -1)}>`).join('')}</${name}>`;
      if (typeof value === 'object') return `<${name}>${xml(value as Fields)}</${name}>`;
      return `<${name}>${escaped(String(value))}</${name}>`;
    })
    .join('');
}

const invalid = (message: string) => new ApiError('InvalidParameterValue', message);

function checkCluster(form: URLSearchParams): void {
  const identifier = form.get('ClusterIdentifier');
  if (identifier === null)
    throw new ApiError('MissingParameter', 'The request must contain the parameter ClusterIdentifier.');
  if (identifier !== CLUSTER) throw new ApiError('ClusterNotFound', `Cluster ${identifier} not found.`, 404);
}

const credentials = (user: string, { password, expiration }: Issued): Fields => ({
  DbUser: user,
  DbPassword: password,
  Expiration: expiration,
});

function getClusterCredentials(form: URLSearchParams, warehouse: Warehouse): Fields {
  checkCluster(form);
  const name = form.get('DbUser');
  if (!name) throw new ApiError('MissingParameter', 'The request must contain the parameter DbUser.');
  if (!/^[A-Za-z_][\w.@+-]{0,126}$/.test(name)) throw invalid(`The parameter DbUser is not valid: ${name}`);
  const seconds = durationOf(form.get('DurationSeconds') ?? undefined, invalid);
  const groups = [...form].filter(([key]) => /^DbGroups\.(DbGroup|member)\.\d+$/.test(key)).map(([, value]) => value);
  const login = userLogin(name, form.get('AutoCreate') === 'true', groups, form.get('DbName') ?? undefined);
  return credentials(login.user, warehouse.credentials.issue(login, seconds));
}

function getClusterCredentialsWithIam(form: URLSearchParams, warehouse: Warehouse): Fields {
  checkCluster(form);
  const seconds = durationOf(form.get('DurationSeconds') ?? undefined, invalid);
  const login = ownLogin(form.get('DbName') ?? undefined);
  const issued = warehouse.credentials.issue(login, seconds);
  return { ...credentials(login.user, issued), NextRefreshTime: issued.expiration };
}

function describeClusters(form: URLSearchParams, { database, master, address, port }: Warehouse): Fields {
  if (form.has('ClusterIdentifier')) checkCluster(form);
  const cluster: Fields = {
    ClusterIdentifier: CLUSTER,
    NodeType: 'ra3.large',
    NumberOfNodes: 1,
    ClusterStatus: 'available',
    ClusterAvailabilityStatus: 'Available',
    MasterUsername: master,
    DBName: database,
    Endpoint: { Address: address, Port: port() },
    PubliclyAccessible: false,
    Encrypted: false,
    EnhancedVpcRouting: false,
  };
  return { Clusters: [cluster] };
}

const operations: Readonly<Record<string, (form: URLSearchParams, warehouse: Warehouse) => Fields>> = {
  GetClusterCredentials: getClusterCredentials,
  GetClusterCredentialsWithIAM: getClusterCredentialsWithIam,
  DescribeClusters: describeClusters,
};

export interface XmlAnswer {
  readonly status: number;
  readonly body: string;
}

/** Answers a request of the AWS Query protocol: Redshift. */
export function answerQuery(form: URLSearchParams, warehouse: Warehouse): XmlAnswer {
  const action = form.get('Action') ?? '';
  const RequestId = randomUUID();
  try {
    const operation = Object.hasOwn(operations, action) ? operations[action] : undefined;
    if (!operation) throw new ApiError('InvalidAction', `The local Redshift has no operation "${action}".`);
    const result = xml(operation(form, warehouse));
    const body = `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result>${xml({ ResponseMetadata: { RequestId } })}</${action}Response>`;
    return { status: 200, body };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, message, status } = error;
    const told = xml({ Error: { Type: 'Sender', Code: code, Message: message }, RequestId });
    return { status, body: `<ErrorResponse xmlns="${NAMESPACE}">${told}</ErrorResponse>` };
  }
}
