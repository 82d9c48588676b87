import { rm } from 'node:fs/promises';
import type { Context } from '../context.js';
import { afterRestart } from '../faults.js';
import { untilStored } from '../persist.js';
import { dropTags } from '../tags.js';
import { emitEndpoint } from './describe.js';
import { afterRollback, endingOf, failed, inService, rollback } from './changes.js';
import { meetFault } from './faults.js';
import { bringUp, FleetKeeper, timeLimit } from './fleets.js';
import { endpointDir, removeOthers } from './files.js';
import type { Fleet } from './fleet.js';
import { isGradual } from './guardrails.js';
import { newLive, type Live } from './live.js';
import type { TrafficRouting } from './routing.js';
import { shiftTraffic } from './shift.js';
import type { Deployment, EndpointRecord, Progress } from './types.js';

/**
 * Carries endpoints from state to state. Every state is written before the step that it announces, so that a restart
 * carries on from it. Callers have checked that the change is allowed.
 */
export class EndpointLifecycle {
  readonly #ctx: Context;
  readonly #live = new Map<string, Live>();
  readonly #fleets: FleetKeeper;
  readonly #closing = new AbortController();

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#fleets = new FleetKeeper(ctx);
  }

  /** Routing of an endpoint that can be invoked, or undefined. */
  routing(name: string): TrafficRouting | undefined {
    const live = this.#live.get(name);
    return live?.serving ? live.routing : undefined;
  }

  /** Starts the pending deployment of a record that has just been made (Creating) or changed (Updating). */
  deploy(record: EndpointRecord): void {
    const live = this.#liveOf(record.name);
    const pending = record.pending as Deployment;
    const atOnce = !record.current || !isGradual(record.pendingDeploymentConfig);
    if (pending.canned && !record.pendingFault && atOnce) {
      // Announced, and in service with the same write: a run against it waits for nothing.
      emitEndpoint(this.#ctx, record);
      this.#commit(live, record, this.#fleets.open(record.name, pending));
      live.noMoreAttempts.abort();
      live.abandoned.abort();
      return;
    }
    const saved = this.#save(record, {});
    live.noMoreAttempts.abort();
    this.#next(live, () => this.#deploy(live, saved));
  }

  /** Takes the traffic away, lets requests in flight finish, stops the fleets and forgets the endpoint. */
  remove(record: EndpointRecord): void {
    const live = this.#liveOf(record.name);
    this.#save(record, { status: 'Deleting' });
    live.serving = false;
    live.noMoreAttempts.abort();
    live.abandoned.abort();
    this.#next(live, async () => {
      await Promise.all(live.routing.set([]).map((fleet) => this.#fleets.retire(fleet)));
      await this.#fleets.settled(record.name);
      await rm(endpointDir(this.#ctx, record.name), { recursive: true, force: true });
      emitEndpoint(this.#ctx, { ...record, modifiedAt: Date.now() }, 'Deleted');
      dropTags(this.#ctx, record.arn);
      this.#ctx.store.delete('endpoint', record.name);
      this.#live.delete(record.name);
    });
  }

  /** Takes up every endpoint where the last process left it. Fleets come up in the background. */
  resume(): void {
    for (const record of this.#ctx.store.list<EndpointRecord>('endpoint')) {
      if (record.status === 'Failed') continue;
      if (record.status === 'Deleting') {
        this.remove(record);
        continue;
      }
      const live = this.#liveOf(record.name);
      live.serving = record.current !== undefined;
      this.#next(live, async () => {
        const { pending, pendingFault } = record;
        if (record.status === 'RollingBack') await this.#settle(record, afterRollback(record));
        // One attempt if an update is to go on: its fleet may be what brings the endpoint back.
        await this.#restore(live, record, pending ? 'once' : 'until up');
        if (!pending || this.#closing.signal.aborted) return;
        const fault = afterRestart({ canned: false, ...(pendingFault && { fault: pendingFault }) })?.fault;
        const status = record.current ? 'Updating' : 'Creating';
        await this.#deploy(live, { ...record, status, pendingFault: fault });
      });
    }
  }

  /** Stops every process; the records stay as they are, for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#fleets.close();
    await Promise.all([...this.#live.values()].map((live) => live.work));
  }

  async #deploy(live: Live, record: EndpointRecord): Promise<void> {
    const pending = record.pending as Deployment;
    const green = this.#fleets.open(record.name, pending);
    const blue = live.routing.fleets;
    const limit = timeLimit(record);
    const signal = AbortSignal.any([this.#closing.signal, limit.signal]);
    let shown = record;
    const show = async (progress: Progress): Promise<void> => {
      await this.#stored(record.name, () => {
        this.#ctx.store.put('endpoint', record.name, { ...shown, progress });
        shown = { ...shown, progress };
      });
    };
    try {
      await removeOthers(this.#ctx, record.name, record.current ? [record.current, pending] : [pending]);
      await meetFault(record, this.#ctx.control, (status) => (shown = this.#save(shown, { status })), signal);
      await bringUp(this.#ctx, green, signal);
      signal.throwIfAborted();
      await shiftTraffic(this.#ctx, shown, { routing: live.routing, blue, green, show, signal });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const reason = limit.signal.aborted ? (limit.signal.reason as Error) : (error as Error);
      return this.#rollBack(live, shown, green, blue, reason);
    } finally {
      limit.clear();
    }
    await this.#stored(record.name, () => this.#commit(live, shown, green));
  }

  /** The deployment succeeded: from here on it is the endpoint, and what it replaced goes. */
  #commit(live: Live, record: EndpointRecord, fleet: Fleet): void {
    this.#save(record, inService(record, fleet.deployment));
    live.routing.set([{ fleet, weight: 1 }]);
    live.serving = true;
    this.#fleets.retireOthers(record.name, fleet);
  }

  async #rollBack(live: Live, record: EndpointRecord, green: Fleet, blue: Fleet[], error: Error): Promise<void> {
    this.#ctx.log.warn({ err: error, endpoint: record.name }, 'a deployment failed');
    live.routing.set(blue.map((fleet) => ({ fleet, weight: 1 })));
    const ending = endingOf(error);
    const seen = ending.kind === 'rolled back' || ending.kind === 'rollback failed';
    const rollingBack = record.current && seen ? await this.#settle(record, rollback(error)) : record;
    await this.#fleets.retire(green);
    const ended = await this.#settle(rollingBack, failed(record, error, ending));
    if (blue.length === 0) await this.#restore(live, ended, 'until up');
  }

  /** Brings up the deployment that was in service; `until up` goes on until it is, or until it is no longer wanted. */
  async #restore(live: Live, record: EndpointRecord, attempts: 'once' | 'until up'): Promise<void> {
    if (!record.current) return;
    live.noMoreAttempts = new AbortController();
    live.abandoned = new AbortController();
    if (attempts === 'once') live.noMoreAttempts.abort();
    const stop = AbortSignal.any([live.abandoned.signal, this.#closing.signal]);
    const fleet = await this.#fleets.restore(record.name, record.current, live.noMoreAttempts.signal, stop);
    if (fleet && !stop.aborted) live.routing.set([{ fleet, weight: 1 }]);
  }

  #save(record: EndpointRecord, change: Partial<EndpointRecord>): EndpointRecord {
    // Strictly later, so that every change can be seen in LastModifiedTime.
    const next = { ...record, ...change, modifiedAt: Math.max(Date.now(), record.modifiedAt + 1) };
    this.#ctx.store.put('endpoint', record.name, next);
    emitEndpoint(this.#ctx, next);
    return next;
  }

  /** Saves a change that nobody asks for again; see untilStored. */
  async #settle(record: EndpointRecord, change: Partial<EndpointRecord>): Promise<EndpointRecord> {
    let saved = record;
    await this.#stored(record.name, () => (saved = this.#save(record, change)));
    return saved;
  }

  #stored(endpoint: string, write: () => void): Promise<boolean> {
    const told = (err: unknown): void => this.#ctx.log.error({ err, endpoint }, "an endpoint can't be stored yet");
    return untilStored(write, told, this.#closing.signal);
  }

  #next(live: Live, work: () => Promise<void>): void {
    live.work = live.work.then(work).catch((error: unknown) => {
      this.#ctx.log.error({ err: error }, 'a change of an endpoint broke off; a restart carries it on');
    });
  }

  #liveOf(name: string): Live {
    const live = this.#live.get(name) ?? newLive();
    this.#live.set(name, live);
    return live;
  }
}
