import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from './context.js';
import type { RuleBook } from './control.js';
import type { EndpointService } from './endpoints/index.js';
import { readJson, sendJson } from './http.js';
import type { TrainingService } from './training/index.js';

/** What the control surface acts on. */
export interface Controlled {
  readonly rules: RuleBook;
  readonly training: TrainingService;
  readonly endpoints: EndpointService;
}

/** Answers `/_local/…`, the surface for tests and operators; no part of AWS's API. docs/local-mode.md describes it. */
export async function surface(
  { rules, training, endpoints }: Controlled,
  [resource, name, action]: readonly string[],
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const route = `${req.method} ${resource}${name === undefined ? '' : '/*'}${action === undefined ? '' : `/${action}`}`;
  switch (route) {
    case 'GET health':
      return sendJson(res, 200, { status: 'ok' });
    case 'GET rules':
      return sendJson(res, 200, { rules: rules.list() });
    case 'POST rules':
      return sendJson(res, 200, rules.add(await readJson(req)));
    case 'DELETE rules':
    case 'DELETE rules/*':
      return sendJson(res, 200, { removed: rules.remove(name) });
    case 'POST rules/*/end':
      rules.endDelays(String(name));
      return sendJson(res, 200, {});
    case 'GET endpoints/*/traffic':
      return sendJson(res, 200, endpoints.traffic(String(name)));
    case 'POST training-jobs/*/complete':
      await training.finish(String(name), { action: 'complete' });
      return sendJson(res, 200, {});
    case 'POST training-jobs/*/fail': {
      const { reason } = await readJson(req);
      await training.finish(String(name), { action: 'fail', ...(typeof reason === 'string' ? { reason } : {}) });
      return sendJson(res, 200, {});
    }
    default:
      throw new ApiError('UnknownOperationException', `no such control: ${route}`, 404);
  }
}
