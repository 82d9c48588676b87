import type { ManagedState } from './managed.js';
import type { Ports } from './ports.js';
import { AWS_KEY, AWS_REGION } from './services/ministack.js';
import type { ServiceName } from './services/service.js';
import { NAMESPACE } from './services/temporal.js';

/** Addresses a person opens or a program calls. A part that was not started has none. */
export type StackUrls = Partial<
  Record<
    | 'ui'
    | 'temporal'
    | 'slack'
    | 'sagemaker'
    | 'aws'
    | 'redshift'
    | 'warehouse'
    | 'postgres'
    | 'workerHealth'
    | 'workerMetrics',
    string
  >
>;

export interface StackProcess {
  readonly name: ServiceName;
  readonly state: ManagedState;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly logFile: string;
}

/** Local mode, running. */
export interface LocalStack {
  /** The standard variables that lead production code here: `AWS_ENDPOINT_URL…`, `TEMPORAL_…`, `DATABASE_URL`, `SLACK_API_URL`, `NODE_EXTRA_CA_CERTS`. */
  readonly env: Readonly<Record<string, string>>;
  readonly urls: Readonly<StackUrls>;
  readonly stateDir: string;
  /** Folder with one log a service. */
  readonly logsDir: string;
  processes(): StackProcess[];
  /** Stops everything, last started first; resolves once no process is left. Safe to call twice. */
  stop(): Promise<void>;
}

const loopback = (scheme: string, port: number | undefined): string | undefined =>
  port === undefined ? undefined : `${scheme}://127.0.0.1:${port}`;

export function stackUrls(ports: Partial<Ports>, databaseUrl: string | undefined): StackUrls {
  const urls: StackUrls = {
    ui: loopback('http', ports.ui),
    temporal: ports.temporal === undefined ? undefined : `127.0.0.1:${ports.temporal}`,
    slack: loopback('http', ports.slack),
    sagemaker: loopback('http', ports.sagemaker),
    aws: loopback('http', ports.aws),
    redshift: loopback('http', ports.redshift),
    warehouse: ports.warehouse === undefined ? undefined : `127.0.0.1:${ports.warehouse}`,
    postgres: databaseUrl,
    workerHealth: ports.workerHealth === undefined ? undefined : `http://127.0.0.1:${ports.workerHealth}/health`,
    workerMetrics: ports.workerMetrics === undefined ? undefined : `http://127.0.0.1:${ports.workerMetrics}/metrics`,
  };
  return Object.fromEntries(Object.entries(urls).filter(([, url]) => url !== undefined));
}

/** What leads an AWS SDK of any language to the local services. */
export function awsEnvironment(urls: StackUrls): Record<string, string> {
  return defined({
    AWS_ENDPOINT_URL: urls.aws,
    AWS_ENDPOINT_URL_SAGEMAKER: urls.sagemaker,
    AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME: urls.sagemaker,
    // The logs that there are here are those of SageMaker's jobs and endpoints.
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: urls.sagemaker,
    AWS_ENDPOINT_URL_REDSHIFT: urls.redshift,
    AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS: urls.redshift,
    AWS_REGION,
    AWS_DEFAULT_REGION: AWS_REGION,
    AWS_ACCESS_KEY_ID: AWS_KEY,
    AWS_SECRET_ACCESS_KEY: AWS_KEY,
    // Nothing here stands for the machine's own role: without this an SDK may ask the network for one.
    AWS_EC2_METADATA_DISABLED: 'true',
  });
}

/** `trust` is the file with the authority that the local Redshift's certificate is of. */
export function stackEnvironment(urls: StackUrls, trust?: string): Record<string, string> {
  return {
    ...awsEnvironment(urls),
    ...defined({
      TEMPORAL_ADDRESS: urls.temporal,
      TEMPORAL_NAMESPACE: urls.temporal === undefined ? undefined : NAMESPACE,
      TEMPORAL_UI_URL: urls.ui,
      DATABASE_URL: urls.postgres,
      SLACK_API_URL: urls.slack === undefined ? undefined : `${urls.slack}/api/`,
      NODE_EXTRA_CA_CERTS: trust,
    }),
  };
}

function defined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
