import type { LocalStack } from '../../../local/index.js';
import { CallBook } from './book.js';
import { awsCall, slackCall } from './calls.js';
import { startHttpProxy } from './http.js';
import { startPostgresRelay } from './postgres.js';

export { FAULT_KINDS, type Call, type FaultKind, type Trap } from './book.js';

/** Proxies before every service of a stack but Temporal, with one book of calls. */
export interface FaultProxy {
  readonly book: CallBook;
  /** What leads a worker through them, over the stack's own environment. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts the proxies on free ports of loopback. */
export async function startFaultProxy({ urls }: Pick<LocalStack, 'urls'>): Promise<FaultProxy> {
  const book = new CallBook();
  const database = new URL(urls.postgres ?? '');
  const started = await Promise.all([
    startHttpProxy(urls.aws ?? '', book, awsCall),
    startHttpProxy(urls.sagemaker ?? '', book, awsCall),
    startHttpProxy(urls.slack ?? '', book, slackCall),
    startPostgresRelay({ host: database.hostname, port: Number(database.port) }, book),
  ]);
  const [aws, sagemaker, slack, postgres] = started;
  database.host = postgres.address;
  return {
    book,
    env: {
      AWS_ENDPOINT_URL: `http://${aws.address}`,
      AWS_ENDPOINT_URL_SAGEMAKER: `http://${sagemaker.address}`,
      AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME: `http://${sagemaker.address}`,
      SLACK_API_URL: `http://${slack.address}/api/`,
      DATABASE_URL: database.href,
    },
    close: async () => {
      await Promise.all(started.map((one) => one.close()));
    },
  };
}
