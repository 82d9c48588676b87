// The health check of the worker's image, which has no curl: ends with 0 if the worker of this container polls.
const ANSWERS_WITHIN_MS = 4_000;

/** Asks the health page of a worker beside this process. Throws a sentence that says what is wrong. */
async function probe(address: string | undefined): Promise<void> {
  if (!address) throw new Error('WORKER_HEALTH_ADDRESS is empty, so there is no page to ask: leave the check out too');
  // A worker that listens everywhere is asked on loopback.
  const url = `http://${address.replace(/^0\.0\.0\.0(?=:)/, '127.0.0.1').replace(/^\[::\](?=:)/, '[::1]')}/health`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
}

probe(process.env['WORKER_HEALTH_ADDRESS']).catch((error: Error) => {
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  process.stderr.write(`${error.message}${cause}\n`);
  process.exitCode = 1;
});
