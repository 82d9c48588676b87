import { randomUUID } from 'node:crypto';
import { ApiError, type Control, type ControlAction, type ControlledKind } from './context.js';
import type { ControlRule, Plan, Store } from './context.js';
import { readRule } from './rules.js';

/** The control rules, in the order they came. They outlive a restart, counts included. */
export interface RuleBook extends Control {
  /** Adds a rule (see `ControlRule`; `id` is made up if missing). Throws ValidationException on a bad one. */
  add(rule: unknown): ControlRule;
  list(): ControlRule[];
  /** Removes one rule, or all of them without an id; returns how many that were. */
  remove(id?: string): number;
  /**
   * Ends the delays of a rule: of what waits, and of what is still to come. Throws ResourceNotFound where no rule had this id since the
   * start.
   */
  endDelays(id: string): void;
}

/** Faults that leave nothing for a program to do. */
const DECIDED: ReadonlySet<ControlAction> = new Set(['fail', 'capacity', 'quota', 'stop']);
/** Faults that only an update has. */
const OF_UPDATES: ReadonlySet<ControlAction> = new Set(['silent-rollback', 'rollback-failed']);

/** Opens the rules that `store` holds; each change is stored before it takes effect. */
export function createRuleBook(store: Pick<Store, 'get' | 'put'>): RuleBook {
  let rules = store.get<{ rules: ControlRule[] }>('control', 'rules')?.rules ?? [];
  const keep = (next: ControlRule[]): void => {
    store.put('control', 'rules', { rules: next });
    rules = next;
  };
  // Those of rules that have been counted out too: what they met may still wait.
  const delays = new Map(rules.map(({ id }) => [id, new AbortController()]));

  const find = (kind: ControlledKind, name: string, stage?: string): [ControlRule?, ControlRule?] => {
    const matching = rules.filter((rule) => rule.kind === kind && applies(rule, name, stage));
    return [matching.find(({ action }) => action !== 'complete'), matching.find(({ action }) => action === 'complete')];
  };
  const plan = (kind: ControlledKind, [fault, complete]: [ControlRule?, ControlRule?]): Plan => ({
    ...(fault && { fault }),
    canned: complete !== undefined || (kind !== 'endpoint' && fault !== undefined && DECIDED.has(fault.action)),
  });

  return {
    add(input) {
      const read = readRule(input);
      const rule: ControlRule = { ...read, id: read.id ?? randomUUID() };
      keep([...rules.filter((other) => other.id !== rule.id), rule]);
      delays.set(rule.id, new AbortController());
      return rule;
    },
    list: () => [...rules],
    remove(id) {
      const left = id === undefined ? [] : rules.filter((rule) => rule.id !== id);
      const removed = rules.length - left.length;
      if (removed > 0) keep(left);
      return removed;
    },
    peek: (kind, name, stage) => plan(kind, find(kind, name, stage)),
    take(kind, name, stage) {
      const found = find(kind, name, stage);
      if (found.some((rule) => rule?.times !== undefined)) {
        keep(rules.flatMap((rule) => (found.includes(rule) ? countDown(rule) : [rule])));
      }
      return plan(kind, found);
    },
    delaysOf: (id) => delays.get(id)?.signal ?? new AbortController().signal,
    endDelays(id) {
      const ends = delays.get(id);
      if (ends === undefined) throw new ApiError('ResourceNotFound', `no control rule has the id "${id}"`, 404);
      ends.abort();
    },
  };
}

function applies(rule: ControlRule, name: string, stage: string | undefined): boolean {
  if (!new RegExp(rule.match).test(name)) return false;
  if (stage === undefined) return true;
  if (OF_UPDATES.has(rule.action)) return stage === 'Updating';
  return rule.stage === undefined || rule.stage === stage;
}

function countDown(rule: ControlRule): ControlRule[] {
  if (rule.times === undefined) return [rule];
  return rule.times > 1 ? [{ ...rule, times: rule.times - 1 }] : [];
}
