// The health check of the worker's image, which has no curl: ends with 0 if the worker of this container polls.
import { get } from 'node:http';

const ANSWERS_WITHIN_MS = 4_000;

/** Asks the health page of a worker beside this process. Rejects with what is wrong. */
async function probe(address: string | undefined): Promise<void> {
  if (!address) throw new Error('WORKER_HEALTH_ADDRESS is empty, so there is no page to ask: leave the check out too');
  // A worker that listens everywhere is asked on loopback.
  const url = `http://${address.replace(/^0\.0\.0\.0(?=:)/, '127.0.0.1').replace(/^\[::\](?=:)/, '[::1]')}/health`;
  const status = await new Promise<number | undefined>((resolve, reject) => {
    // Not by fetch: it refuses some ports.
    get(url, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS), agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).once('error', (error) => reject(new Error(`${url} does not answer: ${error.message}`, { cause: error })));
  });
  if (status !== 200) throw new Error(`${url} answers ${status}: the worker does not poll`);
}

probe(process.env['WORKER_HEALTH_ADDRESS']).then(
  // Without waiting for an answer's end, or a silent page's.
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
