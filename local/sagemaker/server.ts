import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { pino, type Logger } from 'pino';
import { baseUrl } from '../addresses.js';
import { acquire } from '../lock.js';
import { createClients } from './clients.js';
import { ApiError, type Context, type Operation, type SageMakerConfig, type Service } from './context.js';
import { createRuleBook } from './control.js';
import { createEndpointService } from './endpoints/index.js';
import { createEmitter } from './events.js';
import { decoded, readJson, sendError, sendJson } from './http.js';
import { logsOperations } from './logs/index.js';
import { openPrograms } from './programs.js';
import { servingRoot } from './runtime/serve.js';
import { openStore } from './store.js';
import { surface, type Controlled } from './surface.js';
import { dropOrphanedTags, tagOperations } from './tags.js';
import { createTrainingService } from './training/index.js';
import { createTransformService } from './transform/index.js';

/** A running local SageMaker. */
export interface LocalSageMaker {
  /** For this machine, or the container that it runs in. */
  readonly url: string;
  readonly ctx: Context;
  /** Stops all programs and the listener; resources stay in the state folder. */
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 120_000;
const SURFACE = '/_local/';

interface Parts extends Controlled {
  readonly ctx: Context;
  /** By the service that a request's target names. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** What a start may be given beside its configuration. */
interface Dependencies {
  /** Names the emulated services (`AWS_ENDPOINT_URL…`); the process's own environment by default. */
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Logger;
}

/**
 * Starts the local SageMaker, once what a restart interrupted is taken up again. Throws, with nothing left
 * running, if its port or its state folder is another one's.
 */
export async function startSageMaker(given: SageMakerConfig, deps: Dependencies = {}): Promise<LocalSageMaker> {
  const config = absolute(given);
  const lock = await acquire(join(config.stateDir, 'lock'));
  if ('owner' in lock) {
    throw new Error(
      `${config.stateDir} is in use by process ${lock.owner.pid}: stop it, or set SAGEMAKER_LOCAL_STATE_DIR to another folder`,
    );
  }
  try {
    const server = await start(config, deps);
    return { ...server, close: () => server.close().finally(() => lock.release()) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function start(config: SageMakerConfig, deps: Dependencies): Promise<LocalSageMaker> {
  const env = deps.env ?? process.env;
  const log = deps.log ?? pino({ level: 'silent' });
  const clients = createClients(env, config.region);
  const emitter = createEmitter(clients.events, log);
  const { sandbox, images } = await openPrograms(config, { env, log });
  await rm(servingRoot(config.stateDir), { recursive: true, force: true });
  const store = openStore(join(config.stateDir, 'resources'));
  const rules = createRuleBook(store);
  const ctx: Context = {
    config,
    store,
    ...clients,
    sandbox,
    images,
    control: rules,
    log,
    emit: emitter.emit,
  };

  dropOrphanedTags(ctx);

  const training = createTrainingService(ctx);
  const endpoints = createEndpointService(ctx);
  const services: Service[] = [training, endpoints, createTransformService(ctx)];
  const own = Object.assign(
    {},
    tagOperations,
    ...services.map((service) => service.operations),
  ) as typeof tagOperations;
  const operations = { SageMaker: own, Logs_20140328: logsOperations };
  for (const service of services) await service.resume();

  const server = createServer(handler({ ctx, rules, training, endpoints, operations }));
  // Longer than clients keep a connection: one that closes while a request is on its way to it loses the request.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 5_000;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    // Services wait for programs that are about to start; told first, they take what ends here for the shutdown it is.
    await Promise.all([...services, images].map((part) => part.close()));
    await sandbox.close();
    await emitter.flush();
    server.closeAllConnections();
    await closed;
  };
  await listen(server, config).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const { port } = server.address() as AddressInfo;
  const url = baseUrl(config.host, port);
  log.info({ url, operations: Object.keys(own).length }, 'local SageMaker listens');

  return { url, ctx, close };
}

/** Programs are started in their image's folder, where a relative path would lead elsewhere. */
function absolute(config: SageMakerConfig): SageMakerConfig {
  const resolved = (folders: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(folders).map(([name, dir]) => [name, resolve(dir)]));
  return {
    ...config,
    stateDir: resolve(config.stateDir),
    images: config.engine ? config.images : resolved(config.images),
    fileSystems: resolved(config.fileSystems ?? {}),
  };
}

function handler(parts: Parts): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    route(parts, req, res).catch((error: unknown) => {
      if (!(error instanceof ApiError)) parts.ctx.log.error({ err: error, url: req.url }, 'request failed');
      const answer = error instanceof ApiError ? error : new ApiError('InternalFailure', String(error), 500);
      if (res.headersSent) res.destroy();
      else sendError(res, answer);
    });
  };
}

async function route(parts: Parts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = '/'] = (req.url ?? '/').split('?', 1);
  const invocation = /^\/endpoints\/([^/]+)\/invocations$/.exec(path)?.[1];
  if (invocation !== undefined && req.method === 'POST') {
    return parts.endpoints.handleInvoke(req, res, decoded(invocation));
  }
  if (path.startsWith(SURFACE)) return surface(parts, path.slice(SURFACE.length).split('/').map(decoded), req, res);
  if (path !== '/' || req.method !== 'POST') {
    throw new ApiError('UnknownOperationException', `no such path: ${req.method} ${path}`, 404);
  }
  const target = String(req.headers['x-amz-target'] ?? '');
  const [service = '', name = ''] = target.split('.', 2);
  const operations = Object.hasOwn(parts.operations, service) ? parts.operations[service] : undefined;
  const operation = operations && Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (!operation) {
    throw new ApiError('UnknownOperationException', `the local SageMaker has no operation "${target}"`);
  }
  sendJson(res, 200, await operation(await readJson(req), parts.ctx));
}

async function listen(server: Server, config: SageMakerConfig): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`port ${config.port} is taken: stop what uses it or set SAGEMAKER_LOCAL_PORT`, { cause: error })
          : error.code === 'EADDRNOTAVAIL'
            ? new Error(`${config.host} is no address of this machine: set SAGEMAKER_LOCAL_HOST to one`, {
                cause: error,
              })
            : error,
      );
    });
    server.listen(config.port, config.host, resolve);
  });
}
