import { z } from 'zod';
import { ApiError, type ControlAction, type ControlledKind, type ControlRule } from './context.js';

const JOBS: readonly ControlledKind[] = ['training-job', 'transform-job'];
const RUNNING: readonly ControlledKind[] = [...JOBS, 'endpoint'];
const STAGES: Partial<Record<ControlledKind, readonly string[]>> = {
  'training-job': ['Starting', 'Downloading', 'Training', 'Uploading'],
  endpoint: ['Creating', 'Updating'],
};
/** What SageMaker's own statuses look like; an unknown one has their form. */
const STATUS = /^[A-Z][A-Za-z]{0,62}$/;

type Option = 'stage' | 'status' | 'reason' | 'delayMs';
interface Form {
  readonly kinds: readonly ControlledKind[];
  readonly options: readonly Option[];
  readonly required?: Option;
}

const FORMS: Readonly<Record<ControlAction, Form>> = {
  complete: { kinds: RUNNING, options: [] },
  fail: { kinds: RUNNING, options: ['stage', 'reason', 'delayMs'] },
  slow: { kinds: RUNNING, options: ['stage', 'delayMs'], required: 'delayMs' },
  capacity: { kinds: RUNNING, options: ['stage', 'reason', 'delayMs'] },
  quota: { kinds: [...RUNNING, 'model', 'endpoint-config'], options: ['stage', 'reason'] },
  stop: { kinds: JOBS, options: ['stage', 'delayMs'] },
  'silent-rollback': { kinds: ['endpoint'], options: ['reason', 'delayMs'] },
  'rollback-failed': { kinds: ['endpoint'], options: ['reason', 'delayMs'] },
  status: { kinds: ['training-job', 'endpoint'], options: ['stage', 'status', 'delayMs'], required: 'status' },
};
/** A training job without capacity never gets past Starting, and one over its quota does not even get there. */
const WITHOUT_STAGE: readonly string[] = ['capacity', 'quota'];

const text = z.string().min(1);
const fields = z.strictObject({
  id: text.optional().describe('Name of the rule; one of the same id is replaced'),
  match: z
    .string()
    .default('')
    .refine(isRegExp, 'is not a regular expression')
    .describe("Regular expression on the resource's name; empty matches all"),
  kind: z.enum(['training-job', 'transform-job', 'endpoint', 'model', 'endpoint-config']).describe('What it is for'),
  action: z.enum(Object.keys(FORMS) as [ControlAction, ...ControlAction[]]).describe('What happens to it'),
  stage: text
    .optional()
    .describe('Where it happens: Starting … Uploading of a job, Creating or Updating of an endpoint'),
  status: z
    .string()
    .regex(STATUS, `must match ${String(STATUS)}`)
    .optional()
    .describe('What `status` shows'),
  reason: z.string().optional().describe('FailureReason, or the text of the refusal'),
  delayMs: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional()
    .describe('Milliseconds until it happens, or that `status` shows'),
  times: z.int().min(1).optional().describe('How many resources it applies to; unlimited without'),
});

/** Reads a rule as it came over the wire. Throws one ValidationException that names every fault. */
export function readRule(input: unknown): Omit<ControlRule, 'id'> & { readonly id?: string } {
  const parsed = fields.safeParse(input);
  const shape = parsed.error?.issues.map(({ path, message }) => `${path.join('.') || 'the rule'}: ${message}`) ?? [];
  const faults = [...shape, ...contradictions(Object(input) as Record<string, unknown>)];
  if (parsed.success && faults.length === 0) return parsed.data;
  throw new ApiError('ValidationException', `bad control rule: ${faults.join('; ')}`);
}

/** What is wrong between members that are each fine; those that are not have been named already. */
function contradictions(rule: Record<string, unknown>): string[] {
  const { kind, action, stage } = rule as Partial<Record<string, string>>;
  const form = Object.entries(FORMS).find(([name]) => name === action)?.[1];
  if (form === undefined) return [];
  const faults: string[] = [];
  if (kind !== undefined && !(form.kinds as readonly string[]).includes(kind)) {
    faults.push(`action: \`${action}\` is for ${form.kinds.join(', ')}`);
  }
  for (const option of ['stage', 'status', 'reason', 'delayMs'] as const) {
    if (rule[option] !== undefined && !form.options.includes(option)) faults.push(`${option}: not with \`${action}\``);
  }
  if (form.required && rule[form.required] === undefined) faults.push(`${form.required}: \`${action}\` needs it`);
  const bound = kind === 'training-job' && WITHOUT_STAGE.includes(String(action));
  const stages = bound ? [] : (STAGES[kind as ControlledKind] ?? []);
  if (stage !== undefined && form.options.includes('stage') && !stages.includes(stage)) {
    const instead = stages.length > 0 ? `one of ${stages.join(', ')}` : 'left out';
    faults.push(`stage: must be ${instead} for \`${action}\` of ${kind}`);
  }
  return faults;
}

function isRegExp(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}
