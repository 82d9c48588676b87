import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ApiError, type Control, type ControlRule } from './context.js';

const ruleSchema = z
  .strictObject({
    id: z.string().min(1).optional().describe('Name of the rule; one of the same id is replaced'),
    match: z.string().default('').describe("Regular expression on the resource's name; empty matches all"),
    kind: z.enum(['training-job', 'endpoint', 'transform-job']),
    action: z.enum(['complete', 'fail', 'slow']),
    reason: z.string().optional().describe('FailureReason of `fail`'),
    delayMs: z.number().int().min(0).optional().describe('How long `slow` stays, in milliseconds'),
    times: z.number().int().min(1).optional().describe('How many resources it applies to; unlimited without'),
  })
  .refine((rule) => rule.action !== 'slow' || rule.delayMs !== undefined, { message: '`slow` needs delayMs' });

/** The control rules, in memory only: a restart forgets them. */
export interface RuleBook extends Control {
  /** Adds a rule (see `ControlRule`; `id` is made up if missing). Throws ValidationException on a bad one. */
  add(rule: unknown): ControlRule;
  list(): ControlRule[];
  /** Removes one rule, or all of them without an id. */
  remove(id?: string): void;
}

export function createRuleBook(): RuleBook {
  let rules: ControlRule[] = [];
  return {
    add(input) {
      const parsed = ruleSchema.safeParse(input);
      if (!parsed.success)
        throw new ApiError('ValidationException', `bad control rule: ${z.prettifyError(parsed.error)}`);
      const rule: ControlRule = { ...parsed.data, id: parsed.data.id ?? randomUUID() };
      assertRegExp(rule.match);
      rules = [...rules.filter((other) => other.id !== rule.id), rule];
      return rule;
    },
    list: () => [...rules],
    remove(id) {
      rules = id === undefined ? [] : rules.filter((rule) => rule.id !== id);
    },
    take(kind, name) {
      const rule = rules.find((candidate) => candidate.kind === kind && new RegExp(candidate.match).test(name));
      if (rule?.times !== undefined) {
        const left = rule.times - 1;
        rules = rules.flatMap((other) => (other !== rule ? [other] : left > 0 ? [{ ...rule, times: left }] : []));
      }
      return rule;
    },
  };
}

function assertRegExp(text: string): void {
  try {
    new RegExp(text);
  } catch (cause) {
    throw new ApiError('ValidationException', `bad control rule: match is not a regular expression: ${String(cause)}`);
  }
}
