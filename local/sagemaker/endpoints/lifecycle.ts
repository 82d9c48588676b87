import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { dropTags } from '../tags.js';
import { emitEndpoint } from './describe.js';
import { bringUp, FleetKeeper, type Plan } from './fleets.js';
import { endpointDir, removeOthers } from './files.js';
import type { Fleet } from './fleet.js';
import { TrafficRouting } from './routing.js';
import type { Deployment, EndpointRecord } from './types.js';

/** What of an endpoint lives in this process only. */
interface Live {
  readonly routing: TrafficRouting;
  /** It has been in service and is not being deleted: invocations may come, or wait for its fleet. */
  serving: boolean;
  /** The change under way, one at a time. */
  work: Promise<void>;
  /** Bringing a fleet back after a restart: no further attempt, and the one under way ends too. */
  noMoreAttempts: AbortController;
  abandoned: AbortController;
}

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
    live.noMoreAttempts.abort();
    const rule = this.#ctx.control.take('endpoint', record.name);
    const pending = record.pending as Deployment;
    if (rule?.action === 'complete') {
      live.abandoned.abort();
      // Announced, and in service with the same write: a run against it waits for nothing.
      emitEndpoint(this.#ctx, record);
      this.#commit(live, record, this.#fleets.open(record.name, { ...pending, canned: true }));
      return;
    }
    const saved = this.#save(record, {});
    this.#next(live, () => this.#deploy(live, saved, { rule }));
  }

  /** Takes the traffic away, lets requests in flight finish, stops the fleets and forgets the endpoint. */
  remove(record: EndpointRecord): void {
    const live = this.#liveOf(record.name);
    live.serving = false;
    live.noMoreAttempts.abort();
    live.abandoned.abort();
    this.#save(record, { status: 'Deleting' });
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
        const { pending } = record;
        if (record.status === 'RollingBack') this.#save(record, { status: 'InService' });
        // One attempt if an update is to go on: its fleet may be what brings the endpoint back.
        await this.#restore(live, record, pending ? 'once' : 'until up');
        if (pending && !this.#closing.signal.aborted) await this.#deploy(live, record, {});
      });
    }
  }

  /** Stops every process; the records stay as they are, for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#fleets.close();
    await Promise.all([...this.#live.values()].map((live) => live.work));
  }

  async #deploy(live: Live, record: EndpointRecord, plan: Plan): Promise<void> {
    const pending = record.pending as Deployment;
    const green = this.#fleets.open(record.name, pending);
    const blue = live.routing.fleets;
    try {
      await removeOthers(this.#ctx, record.name, record.current ? [record.current, pending] : [pending]);
      await bringUp(this.#ctx, green, record, plan, this.#closing.signal);
      this.#closing.signal.throwIfAborted();
      live.routing.set([{ fleet: green, weight: 1 }]);
      const policy = record.pendingDeploymentConfig?.BlueGreenUpdatePolicy;
      // Blue stays up, without traffic, while green is watched and for the termination wait.
      if (record.current && policy) {
        const { TrafficRoutingConfiguration: routing, TerminationWaitInSeconds: termination = 0 } = policy;
        const seconds = routing.WaitIntervalInSeconds + termination;
        await sleep(seconds * 1000, undefined, { signal: this.#closing.signal });
      }
      await Promise.all(blue.map((fleet) => fleet.drain()));
      this.#closing.signal.throwIfAborted();
      this.#commit(live, record, green);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      await this.#rollBack(live, record, green, blue, error as Error);
    }
  }

  /** The deployment succeeded: from here on it is the endpoint, and what it replaced goes. */
  #commit(live: Live, record: EndpointRecord, fleet: Fleet): void {
    live.routing.set([{ fleet, weight: 1 }]);
    live.serving = true;
    this.#save(record, {
      status: 'InService',
      current: fleet.deployment,
      pending: undefined,
      failureReason: undefined,
      deploymentConfig: record.pendingDeploymentConfig ?? record.deploymentConfig,
      pendingDeploymentConfig: undefined,
    });
    this.#fleets.retireOthers(record.name, fleet);
  }

  async #rollBack(live: Live, record: EndpointRecord, green: Fleet, blue: Fleet[], error: Error): Promise<void> {
    this.#ctx.log.warn({ err: error, endpoint: record.name }, 'a deployment failed');
    live.routing.set(blue.map((fleet) => ({ fleet, weight: 1 })));
    const failureReason = error.message.slice(0, 1024);
    const ended = { pending: undefined, pendingDeploymentConfig: undefined, failureReason };
    if (!record.current) {
      await this.#fleets.retire(green);
      this.#save(record, { ...ended, status: 'Failed', failedConfigName: green.deployment.configName });
      return;
    }
    const rollingBack = this.#save(record, { ...ended, status: 'RollingBack' });
    await this.#fleets.retire(green);
    const inService = this.#save(rollingBack, { status: 'InService' });
    if (blue.length === 0) await this.#restore(live, inService, 'until up');
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

  #next(live: Live, work: () => Promise<void>): void {
    live.work = live.work.then(work).catch((error: unknown) => {
      this.#ctx.log.error({ err: error }, 'a change of an endpoint broke off; a restart carries it on');
    });
  }

  #liveOf(name: string): Live {
    const live = this.#live.get(name) ?? {
      routing: new TrafficRouting(),
      serving: false,
      work: Promise.resolve(),
      noMoreAttempts: new AbortController(),
      abandoned: new AbortController(),
    };
    this.#live.set(name, live);
    return live;
  }
}
