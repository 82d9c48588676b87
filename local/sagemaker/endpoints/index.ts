import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, Service } from '../context.js';
import { configOperations } from './configs.js';
import { endpointOperations } from './endpoints.js';
import { handleInvoke } from './invoke.js';
import { EndpointLifecycle } from './lifecycle.js';
import { modelOperations } from './models.js';

/** The service of models, endpoint configurations and endpoints, and of InvokeEndpoint. */
export interface EndpointService extends Service {
  /** Answers `POST /endpoints/<name>/invocations`, errors included. */
  handleInvoke(req: IncomingMessage, res: ServerResponse, endpointName: string): Promise<void>;
}

export function createEndpointService(ctx: Context): EndpointService {
  const lifecycle = new EndpointLifecycle(ctx);
  return {
    operations: { ...modelOperations, ...configOperations, ...endpointOperations(lifecycle) },
    // Fleets come up in the background, so that one slow model does not hold up the whole server.
    resume: () => Promise.resolve(lifecycle.resume()),
    close: () => lifecycle.close(),
    handleInvoke: (req, res, endpointName) =>
      handleInvoke(ctx, (name) => lifecycle.routing(name), req, res, endpointName),
  };
}
