import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import getPort, { portNumbers } from 'get-port';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../local/ports.js';
import { patientRetries } from '../../local/sagemaker/patience.js';

let server: Server | undefined;
afterEach(() => server?.close());

async function listen(port: number, status: number): Promise<() => number> {
  let requests = 0;
  server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(status).end('rows');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return () => requests;
}

const client = (port: number) =>
  new S3Client({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    retryStrategy: patientRetries,
  });
const get = new GetObjectCommand({ Bucket: 'bucket', Key: 'rows.csv' });

it('waits for a service that is started again', async () => {
  // Nobody listens on it for a while: below those that services of other tests look for, which one of them would take meanwhile.
  const port = await getPort({ host: '127.0.0.1', port: portNumbers(12_000 + (process.pid % 4_000), 19_999) });
  const answer = client(port).send(get);
  // More tries than the SDK makes by itself.
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  await listen(port, 200);
  expect(await (await answer).Body?.transformToString()).toBe('rows');
});

it('takes a refusal for an answer', async () => {
  const port = await freePort();
  const requests = await listen(port, 404);
  await expect(client(port).send(get)).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
  expect(requests()).toBe(1);
});
