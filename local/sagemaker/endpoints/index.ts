import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, type Context, type Service } from '../context.js';
import { configOperations } from './configs.js';
import { endpointOperations } from './endpoints.js';
import { handleInvoke } from './invoke.js';
import { EndpointLifecycle } from './lifecycle.js';
import { modelOperations } from './models.js';

/** The service of models, endpoint configurations and endpoints, and of InvokeEndpoint. */
export interface EndpointService extends Service {
  /** Answers `POST /endpoints/<name>/invocations`, errors included. */
  handleInvoke(req: IncomingMessage, res: ServerResponse, endpointName: string): Promise<void>;
  /** How an endpoint's invocations were shared out among its fleets (the control surface's, no part of AWS). */
  traffic(endpointName: string): object;
}

export function createEndpointService(ctx: Context): EndpointService {
  const lifecycle = new EndpointLifecycle(ctx);
  return {
    operations: { ...modelOperations, ...configOperations, ...endpointOperations(lifecycle) },
    // Fleets come up in the background, so that one slow model does not hold up the whole server.
    resume: () => Promise.resolve(lifecycle.resume()),
    close: () => lifecycle.close(),
    traffic(endpointName) {
      const routing = lifecycle.routing(endpointName);
      if (!routing) throw new ApiError('ValidationException', `no endpoint "${endpointName}" takes traffic`, 404);
      return { endpoint: endpointName, steps: routing.history };
    },
    handleInvoke: (req, res, endpointName) =>
      handleInvoke(ctx, (name) => lifecycle.routing(name), req, res, endpointName),
  };
}
