import { condition, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { dateIn } from '../../contracts/calendar.js';
import type { Definition } from '../../contracts/definition/index.js';
import { parseSpan } from '../../contracts/duration.js';
import type { RunRequest } from '../../contracts/runs.js';
import { LIST_AGE_MS, TRIGGERS_MEMO, type EventState, type ModelTriggers } from '../../contracts/triggers.js';
import { afterRun, arrived, dueAt } from './arrivals.js';

/** A model applied just now is in every listener's list by then: lists are at most LIST_AGE_MS old, and visibility lags a little. */
const KNOWN_MS = 2 * LIST_AGE_MS;

/** What the listener must know of a definition, or undefined where only schedule and command line start runs. */
function triggersOf({ data, triggers: { newData, events } }: Definition): ModelTriggers | undefined {
  if (!newData && !events) return undefined;
  const { bucket, prefix, channels, output } = data;
  return {
    data: { bucket, prefix, channels, output },
    ...(newData ? { newData: { debounce: newData.debounce } } : {}),
    ...(events ? { events } : {}),
  };
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** The event triggers of an entity: tells the listener of them by a memo, holds the debounce of new data, and can be paused. */
export class EventTriggers {
  private triggers: ModelTriggers | undefined;
  /** Whether the definition at hand was taken over before: what was carried over was told, and looked at, already. */
  private known = workflowInfo().continuedFromExecutionRunId !== undefined;
  private watching = false;
  /** Grows whenever what is waited for may be due earlier than thought. */
  private changes = 0;

  /** @param wish asks for a run */
  constructor(
    private definition: Definition,
    private current: EventState = {},
    private readonly wish: (request: RunRequest) => void,
  ) {
    // At once: a signal that is older than the first workflow task comes before the first `apply`.
    this.triggers = triggersOf(definition);
  }

  /** To be carried over; undefined where there is nothing to. */
  get state(): EventState | undefined {
    return Object.values(this.current).some((value) => value !== undefined) ? this.current : undefined;
  }

  /** Takes over a definition; undefined for a model that was removed. New data turned on, or moved, is looked at once. */
  apply(definition: Definition | undefined): void {
    if (definition) this.definition = definition;
    const before = this.known ? this.triggers : undefined;
    this.known = true;
    this.triggers = definition && triggersOf(definition);
    if (!this.triggers) this.current = {};
    if (!this.triggers?.newData) this.current = { ...this.current, arrivals: undefined, lookAt: undefined };
    else if (!before?.newData || !same(before.data, this.triggers.data)) this.lookSoon();
    this.tell();
    this.changes += 1;
    void this.watch();
  }

  /** With a note: events start nothing from now on. Without: they do again, and data that came meanwhile is looked at. */
  pause(note: string | undefined): void {
    if (!this.triggers || (note === undefined && this.current.paused === undefined)) return;
    this.current = note === undefined ? {} : { paused: note };
    if (note === undefined && this.triggers.newData) this.lookSoon();
    this.tell();
    this.changes += 1;
    void this.watch();
  }

  /** Dated objects have come. */
  arrive(): void {
    // A listener whose list is a moment old.
    if (!this.triggers?.newData || this.current.paused !== undefined) return;
    // Only the first makes a run due earlier; the others put it off.
    if (!this.current.arrivals) this.changes += 1;
    this.current = { ...this.current, arrivals: arrived(this.current.arrivals, Date.now()) };
    void this.watch();
  }

  /** A declared event has come: a run at once. */
  occur(request: RunRequest): void {
    if (this.triggers?.events && this.current.paused === undefined) this.wish({ ...this.today(), ...request });
  }

  private get debounce(): number {
    return parseSpan(this.triggers?.newData?.debounce ?? '')?.ms ?? 0;
  }

  private lookSoon(): void {
    if (this.current.paused !== undefined) return;
    this.current = { ...this.current, lookAt: Date.now() + Math.max(this.debounce, KNOWN_MS) };
  }

  /** Brings the memo to what is; an event of the history only where it differs. */
  private tell(): void {
    const { paused } = this.current;
    const wanted = this.triggers && { ...this.triggers, ...(paused === undefined ? {} : { paused }) };
    if (!same(workflowInfo().memo?.[TRIGGERS_MEMO], wanted)) upsertMemo({ [TRIGGERS_MEMO]: wanted ?? null });
  }

  /** Today on the calendar of the data; without it a run takes today in UTC. */
  private today(): { nominalDate?: string } {
    const { newData, schedule } = this.definition.triggers;
    const zone = newData?.timeZone ?? schedule?.timeZone ?? 'UTC';
    return zone === 'UTC' ? {} : { nominalDate: dateIn(zone, Date.now()) };
  }

  private get due(): number | undefined {
    const { arrivals, lookAt } = this.current;
    const times = [lookAt, arrivals && dueAt(arrivals, this.debounce)].filter((time) => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Sleeps until a run is due; arrivals meanwhile only move that time, so that a crowd of them costs no timers. */
  private async watch(): Promise<void> {
    if (this.watching) return;
    this.watching = true;
    for (let due = this.due; due !== undefined; due = this.due) {
      const now = Date.now();
      if (due > now) {
        const seen = this.changes;
        await condition(() => this.changes !== seen, due - now);
        continue;
      }
      const { arrivals, lookAt } = this.current;
      this.current = {
        ...this.current,
        arrivals: arrivals && dueAt(arrivals, this.debounce) <= now ? afterRun(arrivals, this.debounce, now) : arrivals,
        lookAt: lookAt !== undefined && lookAt <= now ? undefined : lookAt,
      };
      this.wish({ trigger: 'event', event: 'new data', ...this.today() });
    }
    this.watching = false;
  }
}
