// A client of an endpoint, in a process of its own: one request an interval whether or not earlier ones were answered, SDK retries off.
import { InvokeEndpointCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation, TrafficMessage, TrafficPlan } from './traffic.js';

const plan = JSON.parse(process.argv[2] ?? '{}') as TrafficPlan;
const client = new SageMakerRuntimeClient({ maxAttempts: 1 });
const observations: Observation[] = [];
const now = () => performance.timeOrigin + performance.now();

async function request(row: string): Promise<void> {
  const at = now();
  try {
    const { CustomAttributes } = await client.send(
      new InvokeEndpointCommand({ EndpointName: plan.endpoint, ContentType: 'text/csv', Body: row }),
    );
    observations.push({ at, ms: now() - at, ok: true, model: /model=([^;]+)/.exec(CustomAttributes ?? '')?.[1] });
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    observations.push({ at, ms: now() - at, ok: false, error: reason });
  }
}

const tell = (message: TrafficMessage) => new Promise<void>((done) => process.send?.(message, () => done()));

let stopping = false;
process.on('message', () => (stopping = true));
// Whoever started this is gone: nobody is left to report to.
process.on('disconnect', () => process.exit(1));
// Ctrl-C in a terminal reaches this process too; its parent ends it.
process.on('SIGINT', () => undefined);

const started = now();
const open = new Set<Promise<void>>();
for (let sent = 0; !stopping; sent += 1) {
  const one = request(plan.rows[sent % plan.rows.length] ?? '').finally(() => open.delete(one));
  open.add(one);
  if (sent === 0) await one.then(() => tell({ type: 'started' }));
  await sleep(Math.max(0, started + (sent + 1) * plan.intervalMs - now()));
}
await Promise.all(open);
client.destroy();
await tell({ type: 'ended', observations });
process.disconnect();
