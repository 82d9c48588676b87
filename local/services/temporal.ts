import { join } from 'node:path';
import { freePort } from '../ports.js';
import { temporalCli } from '../tools/temporal.js';
import { answers, plainEnv, responds, type ProcessSpec, type ServiceContext } from './service.js';

export const NAMESPACE = 'default';
/** What the workflows tell about themselves to searches; registered when the server starts. */
const searchAttributes = ['Model', 'Stage', 'Outcome'];
/** The dev server forgets closed runs after a day otherwise. */
const RETENTION = `${30 * 86_400}s`;

/**
 * The Temporal dev server, with its UI unless `uiPort` is left out.
 * @throws Error with a sentence if no Temporal CLI can be had
 */
export async function temporalService(
  ctx: ServiceContext,
  ports: { port: number; uiPort?: number },
): Promise<ProcessSpec> {
  const command = await temporalCli(ctx.say, process.env, ctx.signal);
  const http = await freePort();
  const metrics = await freePort([http]);
  const ui =
    ports.uiPort === undefined ? ['--headless'] : ['--ui-port', String(ports.uiPort), '--ui-disable-news-fetch'];
  // Always a file: the server's store in memory is lost, namespace and all, when a call is cut off under load (temporalio/temporal #6815).
  const store = [
    ...['--db-filename', join(ctx.dir, 'temporal.db'), '--sqlite-pragma', 'journal_mode=wal'],
    ...['--sqlite-pragma', `synchronous=${ctx.persist ? 'normal' : 'off'}`],
  ];
  const namespace = `http://127.0.0.1:${http}/api/v1/namespaces/${NAMESPACE}`;
  let retentionSet = !ctx.persist;
  return {
    name: 'temporal',
    command,
    args: [
      ...['--log-level', 'warn', 'server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.port)],
      ...['--http-port', String(http), '--metrics-port', String(metrics), '--namespace', NAMESPACE],
      // 20 by default, which makes every hop between activities wait about 50 ms.
      ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
      ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      ...ui,
      ...store,
    ],
    env: { ...plainEnv(), TEMPORAL_CONFIG_FILE: join(ctx.dir, 'no-such-file') },
    alive: () => responds(namespace),
    readyWithinMs: 30_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 10_000,
    async ready() {
      if (!(await answers(namespace))) return false;
      if (!retentionSet) retentionSet = await keepRuns(namespace);
      return ports.uiPort === undefined || answers(`http://127.0.0.1:${ports.uiPort}/`);
    },
  };
}

async function keepRuns(namespace: string): Promise<boolean> {
  const response = await fetch(`${namespace}/update`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ namespace: NAMESPACE, config: { workflowExecutionRetentionTtl: RETENTION } }),
    signal: AbortSignal.timeout(5_000),
  });
  await response.body?.cancel();
  return response.ok;
}
