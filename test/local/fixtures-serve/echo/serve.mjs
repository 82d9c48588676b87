// A model that answers who it is: /opt/ml/model/id.txt. BEHAVIOUR makes its start go wrong, or (`sickens`) what follows it; the request's text, the answer.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const behaviour = process.env.BEHAVIOUR ?? 'healthy';
if (behaviour === 'exit') {
  console.error('cannot load the model');
  process.exit(3);
}

const base = process.env.SAGEMAKER_BASE_DIR ?? '/opt/ml';
const id = readFileSync(join(base, 'model', 'id.txt'), 'utf8').trim();
const port = Number(process.env.SAGEMAKER_BIND_TO_PORT ?? 8080);
const instance = randomUUID();
let pings = 0;
const isHealthy = () => behaviour === 'healthy' || (behaviour === 'sickens' && ++pings === 1);

const server = createServer(async (req, res) => {
  if (req.url === '/ping') return res.writeHead(isHealthy() ? 200 : 500).end();
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  const [command, argument] = text.split(':');
  if (command === 'die') process.exit(7);
  if (command === 'error') return res.writeHead(500).end('the model is broken');
  if (command === 'bad') return res.writeHead(400).end('bad row');
  if (command === 'big') return res.writeHead(200).end(Buffer.alloc(6_291_457));
  if (command === 'sleep') await new Promise((resolve) => setTimeout(resolve, Number(argument)));
  res.writeHead(200, {
    'content-type': 'application/json',
    'x-amzn-sagemaker-custom-attributes': req.headers['x-amzn-sagemaker-custom-attributes'] ?? '',
  });
  res.end(
    JSON.stringify({
      id,
      instance,
      port,
      contentType: req.headers['content-type'],
      accept: req.headers.accept,
      bytes: text.length,
    }),
  );
});

server.listen(port, process.env.SERVE_HOST ?? '127.0.0.1');
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
