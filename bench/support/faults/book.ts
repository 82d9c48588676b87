import type { Sighting } from './calls.js';

/** What the proxy can do to a call instead of passing it on. */
export const FAULT_KINDS = [
  /** Refused in the service's own way of asking for a slower pace. */
  'throttle',
  /** The service's own internal error. */
  'internal error',
  /** Taken, and never answered; nothing reaches the service. */
  'time-out',
  /** The connection breaks; nothing reaches the service. */
  'dropped before',
  /** The service has done it; the connection breaks instead of the answer. */
  'dropped after',
  /** The service's answer comes byte by byte, for minutes. */
  'slow body',
  /** Nothing reaches the service; a page that is no answer of it comes with status 200. */
  'wrong body',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** A call as it was made, with its place among those of its kind. */
export interface Call extends Sighting {
  /** Service, operation and resource with the names of one run and model taken out: the same in every run. */
  readonly key: string;
  /** Which of its key, from 1. */
  readonly nth: number;
  /** HTTP status that the service itself answered; 200 for a query that PostgreSQL took. Absent while it has not. */
  status?: number;
  /** Of the body that the service answered. */
  bytes?: number;
}

/** A fault that waits for its call. */
export interface Trap {
  readonly key: string;
  readonly nth: number;
  readonly kind: FaultKind;
  /** How many calls of the key in succession it takes. */
  readonly times: number;
  /** Called once, at the moment of the fault: with `dropped after` as soon as the service has answered. */
  readonly sprung: () => void;
}

/** Ids that Temporal gives executions. */
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** The calls of a worker in their order, and the trap set for one of them. Shared by the proxies of all services. */
export class CallBook {
  #calls: Call[] = [];
  #counts = new Map<string, number>();
  #trap: Trap | undefined;
  #model = '';

  /** Begins anew: counts start at one, no trap is set. Names of `model` and of runs don't tell calls apart. */
  begin(model: string): void {
    this.#calls = [];
    this.#counts = new Map();
    this.#trap = undefined;
    this.#model = model;
  }

  get calls(): readonly Call[] {
    return this.#calls;
  }

  set(trap: Trap): void {
    this.#trap = trap;
  }

  /** Enters a call, and answers with the trap it went into, if it did. */
  enter(sighting: Sighting): { readonly call: Call; readonly trap?: Trap } {
    const { service, operation, resource } = sighting;
    const key = `${service}.${operation} ${this.#general(resource)}`.trim();
    const nth = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, nth);
    const call: Call = { service, operation, resource, key, nth };
    this.#calls.push(call);
    const trap = this.#trap;
    const caught = trap?.key === key && nth >= trap.nth && nth < trap.nth + trap.times;
    return caught ? { call, trap } : { call };
  }

  #general(resource: string): string {
    const runless = resource.replaceAll(/\d{8}t\d{9}z/gi, '<run>').replaceAll(UUID, '<id>');
    return this.#model === '' ? runless : runless.replaceAll(this.#model, '<model>');
  }
}
