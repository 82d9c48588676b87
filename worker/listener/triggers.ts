import type { Client } from '@temporalio/client';
import { toPayloads } from '@temporalio/common';
import type { Logger } from 'pino';
import { durationMs } from '../../contracts/duration.js';
import { entityId } from '../../contracts/names.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { RunRequest } from '../../contracts/runs.js';
import { isNewData, isOwnDoing, matches } from './matching.js';
import type { Incoming } from './messages.js';
import { modelDirectory, type ListedModel } from './models.js';
import { Pacing } from './pacing.js';

/** gRPC's code for what is not there. */
const NOT_FOUND = 5;

/** New data is reported to an entity this often in a debounce at the most. */
const REPORTS_A_DEBOUNCE = 4;

/** One event of a kind starts a run at once; those that follow within this time are one wish. Ms, well below a queue's visibility timeout. */
const APART_MS = 2_000;

/**
 * Starts runs for the events that models wait for. Answers once every entity concerned has taken its signal, and fails otherwise: the
 * message then comes again, and its id keeps what was taken already from counting twice.
 */
export function triggerRuns({ client, log }: { client: Client; log: Logger }): (message: Incoming) => Promise<void> {
  const models = modelDirectory(client);
  const pacing = new Pacing();

  return async (message) => {
    const concerned = await models();
    await Promise.all(concerned.flatMap((listed) => [newData(listed, message), declared(listed, message)]));
  };

  async function newData({ model, triggers }: ListedModel, { id, created }: Incoming): Promise<void> {
    if (!triggers.newData || !created.some((object) => isNewData(triggers, object))) return;
    const apart = durationMs(triggers.newData.debounce) / REPORTS_A_DEBOUNCE;
    await pacing.once(model, apart, () => signal(model, `${id}/data`, MESSAGES.dataArrived));
  }

  async function declared({ model, triggers }: ListedModel, { id, event, created }: Incoming): Promise<void> {
    if (!event || !triggers.events?.some((one) => matches(one, event))) return;
    if (isOwnDoing(model, triggers, event, created)) return;
    const name = `${event['detail-type']} (${event.source})`;
    const request: RunRequest = { trigger: 'event', event: name };
    await pacing.spaced(`${model} ${name}`, APART_MS, () => signal(model, `${id}/event`, MESSAGES.runWanted, request));
  }

  /** `client.workflow` has no way to give a signal an id, by which the server drops a second one. */
  async function signal(model: string, requestId: string, signalName: string, ...args: unknown[]): Promise<void> {
    const workflowId = entityId(model);
    const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
    let payloads = toPayloads(payloadConverter, ...args) ?? [];
    for (const codec of payloadCodecs) payloads = await codec.encode(payloads);
    try {
      await client.workflowService.signalWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId },
        signalName,
        requestId,
        identity: client.options.identity,
        input: { payloads },
      });
      log.debug({ model, signalName }, 'events: a model was told');
    } catch (error) {
      // Removed since it was listed.
      if ((error as { code?: number }).code !== NOT_FOUND) throw error;
    }
  }
}
