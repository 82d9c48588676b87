import { createHash, randomInt } from 'node:crypto';
import type { Draw } from '../../scenario.js';
import type { Call, FaultKind } from '../faults/index.js';

/** The runs that campaigns record: one that creates its endpoint, and one that updates it and removes what is old. */
export const RUN_KINDS = ['create', 'update'] as const;
export type RunKind = (typeof RUN_KINDS)[number];

/** A call of a recorded run. */
export interface RecordedCall {
  readonly run: RunKind;
  readonly key: string;
  readonly nth: number;
  /** Made only in the first run of a worker: it opens the ledger and reads what it then keeps. */
  readonly fresh: boolean;
  /** Of the body that the service answered. */
  readonly bytes: number;
}

/** One fault at one call. */
export interface Point extends RecordedCall {
  readonly kind: FaultKind;
  /** Calls in succession that go wrong. */
  readonly times: number;
}

/** Kinds of calls that follow a clock of their own: the events' queue, and the connections of a pool, which closes idle ones. */
const onOwnClock = ({ service, operation }: Call) => service === 'SQS' || operation === 'Connect';

/**
 * Calls of a run by a fresh worker and of one by a worker that has run before, each once. Of those on a clock of their own only the first
 * comes in every run, and that of a fresh worker.
 */
export function recordedCalls(run: RunKind, fresh: readonly Call[], warm: readonly Call[]): RecordedCall[] {
  const identity = ({ key, nth }: Call) => `${key} ${nth}`;
  const entry =
    (isFresh: boolean) =>
    ({ key, nth, bytes = 0 }: Call): RecordedCall => ({
      ...{ run, key, nth, bytes },
      fresh: isFresh,
    });
  const always = warm.filter((call) => !onOwnClock(call));
  const known = new Set(always.map(identity));
  const atFirst = fresh.filter((call) => !known.has(identity(call)) && (!onOwnClock(call) || call.nth === 1));
  return [...always.map(entry(false)), ...atFirst.map(entry(true))];
}

export const nameOf = ({ run, key, nth, kind, times }: Point): string =>
  `${run}: ${key} #${nth}, ${kind}${times > 1 ? ` ×${times}` : ''}`;

/** Points in an order that the seed decides alone, as many as were asked for, all without a number. */
export const drawPoints = (points: readonly Point[], draw: { seed: number; count?: number }): Point[] =>
  drawn(points, nameOf, draw);

/** Things of different names in an order that the seed decides alone, so many of them, all without a number. */
export function drawn<T>(
  things: readonly T[],
  nameOfOne: (thing: T) => string,
  { seed, count }: { seed: number; count?: number },
): T[] {
  const rank = (thing: T) =>
    createHash('sha256')
      .update(`${seed} ${nameOfOne(thing)}`)
      .digest('hex');
  const ranked = things.map((thing) => ({ thing, at: rank(thing) }));
  ranked.sort((a, b) => (a.at < b.at ? -1 : 1));
  return ranked.slice(0, count).map(({ thing }) => thing);
}

/** The seed that was given, else a new one. */
export const seedOf = ({ seed }: Draw = {}): number => seed ?? randomInt(1_000_000);
