/** The inference side of the container contract: GET /ping, POST /invocations, GET /execution-parameters. */
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { log } from './container.mjs';
import { chooseFormat, readRows, RequestFault, writePredictions } from './formats.mjs';
import { loadModel, score } from './model.mjs';

/** SageMaker's limits of a body, in bytes: of InvokeEndpoint, and of batch transform (MaxPayloadInMB up to 100). */
const realTimeLimit = 6_291_456;
const batchLimit = 100 * 1024 * 1024;
/** How long after SIGTERM open connections may stay silent, in milliseconds, before they are closed. */
const quietMs = 500;

/**
 * Listens, then loads the model; until it is loaded /ping answers 503.
 *
 * @returns {Promise<{ drain: () => Promise<void> }>} `drain` answers what is under way and closes
 * @throws {UserFault} when there is no usable model
 */
export async function startServer(container) {
  const state = { model: undefined, draining: false, active: 0, lastActive: Date.now() };
  const limit = container.batch ? batchLimit : realTimeLimit;
  const server = createServer({ noDelay: true }, (request, response) => {
    state.active += 1;
    response.once('close', () => {
      state.active -= 1;
      state.lastActive = Date.now();
    });
    answer(request, response, state, limit).catch((error) => {
      if (!(error instanceof RequestFault)) console.error(error);
      fail(request, response, state, error);
    });
  });
  // A connection that the server closes while its client sends is a lost request: outlast every client's own idle time.
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 0;
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(container.port, container.host, resolve);
  });
  state.model = await loadModel(container);
  log(`Serving model ${state.model.id} on ${container.host}:${container.port}`);
  return { drain: () => drain(server, state) };
}

/**
 * Takes leave without losing a request: every answer from now on closes its connection, idle connections may still
 * bring a request until they were silent for a moment, and what has begun is finished. The platform's SIGKILL (30 s
 * after SIGTERM on SageMaker) bounds it.
 */
async function drain(server, state) {
  state.draining = true;
  state.lastActive = Date.now();
  const connections = () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  while ((await connections()) > 0 && (state.active > 0 || Date.now() - state.lastActive < quietMs)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => server.close(resolve));
}

async function answer(request, response, state, limit) {
  const { model } = state;
  const path = request.url.split('?')[0];
  const route = `${request.method} ${path}`;
  if (route === 'GET /ping') return send(response, state, model === undefined ? 503 : 200, 'application/json', '\n');
  if (route === 'GET /execution-parameters') {
    const parameters = {
      MaxConcurrentTransforms: availableParallelism(),
      BatchStrategy: 'MULTI_RECORD',
      MaxPayloadInMB: 6,
    };
    return send(response, state, 200, 'application/json', JSON.stringify(parameters));
  }
  if (route !== 'POST /invocations') {
    const known = ['/ping', '/invocations', '/execution-parameters'].includes(path);
    throw new RequestFault(
      known ? 405 : 404,
      `${route} is not here: GET /ping, POST /invocations, GET /execution-parameters`,
    );
  }
  if (model === undefined) throw new RequestFault(503, 'The model is still being loaded');
  const body = await readBody(request, limit);
  // Lets a caller see which model answered: SageMaker passes this header of a container on to the client.
  response.setHeader('X-Amzn-SageMaker-Custom-Attributes', `model=${model.id}`);
  if (body.trim() === '') return send(response, state, 204);
  const format = chooseFormat(request.headers.accept);
  const predictions = readRows(request.headers['content-type'], body, model.featureDim).map((row) =>
    predict(model, row),
  );
  return send(response, state, 200, format, writePredictions(format, predictions));
}

function predict(model, row) {
  const value = score(model, row);
  return model.predictorType === 'binary_classifier'
    ? { score: value, predicted_label: Number(value >= 0.5) }
    : { score: value };
}

async function readBody(request, limit) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // Read to the end without keeping it: a client that still sends would not see the answer.
    if (size <= limit) chunks.push(chunk);
  }
  if (size > limit)
    throw new RequestFault(413, `The body has ${size} bytes, at most ${limit} are taken: send fewer rows`);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response, state, status, type, text) {
  if (state.draining) response.setHeader('connection', 'close');
  response.statusCode = status;
  if (type !== undefined) response.setHeader('content-type', type);
  response.end(text);
}

function fail(request, response, state, error) {
  if (request.destroyed && !request.complete) return; // The client left: nobody to answer.
  const status = error instanceof RequestFault ? error.status : 500;
  send(response, state, status, 'application/json', JSON.stringify({ error: error.message }));
}
