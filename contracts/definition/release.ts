import { parseSpan } from '../duration.js';

export const STRATEGIES = ['all-at-once', 'canary', 'linear'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** SageMaker's limits (API reference, TrafficRoutingConfig and BlueGreenUpdatePolicy): shares of the new fleet in percent, times in seconds. */
const STEP_PERCENT = { canary: { least: 1, most: 50 }, linear: { least: 10, most: 50 } } as const;
const LONGEST_PAUSE = 3_600;
const TIME_LIMIT = { least: 600, most: 28_800 } as const;
/** SageMaker gives up before the run does, and has a tenth of the run's patience for the way back. */
const SHARE_OF_PATIENCE = 0.9;
/** Pause after each step where there is something to watch and `bake` is not given. */
const DEFAULT_BAKE = '5m';

/** How much of the new fleet one step turns on. */
export type Step = { readonly percent: number } | { readonly instances: number };

/** What the endpoint section says about releases; read also before it was checked, so nothing of it is sure. */
interface Wanted {
  readonly strategy?: unknown;
  readonly step?: unknown;
  readonly bake?: unknown;
  readonly terminationWait?: unknown;
  readonly alarms?: unknown;
  readonly maxWait?: unknown;
  readonly count?: unknown;
  readonly instanceType?: unknown;
}

/** The care that an update of an endpoint takes; seconds. */
export interface Release {
  readonly strategy: Strategy;
  readonly step?: Step;
  /** How often traffic moves, the last time to all of it; a pause follows each. */
  readonly steps: number;
  readonly bake: number;
  readonly terminationWait: number;
  /** After this SageMaker gives up and rolls back. */
  readonly limit: number;
  readonly alarms: readonly string[];
}

/** The release that a definition's endpoint section asks for; undefined for SageMaker's own: at once, watched by nobody. */
export function releaseOf(endpoint: Wanted): Release | undefined {
  const strategy = STRATEGIES.find((one) => one === endpoint.strategy) ?? 'all-at-once';
  const alarms = Array.isArray(endpoint.alarms) ? endpoint.alarms.filter((one) => typeof one === 'string') : [];
  const watched = strategy !== 'all-at-once' || alarms.length > 0;
  const bake = secondsOf(endpoint.bake ?? (watched ? DEFAULT_BAKE : undefined)) ?? 0;
  const terminationWait = secondsOf(endpoint.terminationWait) ?? 0;
  if (!watched && bake + terminationWait === 0) return undefined;
  const step = strategy === 'all-at-once' ? undefined : stepOf(endpoint.step);
  const patience = (secondsOf(endpoint.maxWait) ?? TIME_LIMIT.most) * SHARE_OF_PATIENCE;
  return {
    strategy,
    ...(step && { step }),
    steps: stepsOf(strategy, step, endpoint.count),
    bake,
    terminationWait,
    limit: Math.floor(Math.min(Math.max(patience, TIME_LIMIT.least), TIME_LIMIT.most)),
    alarms,
  };
}

/** A canary's rest comes at once; linear goes on by its step. */
function stepsOf(strategy: Strategy, step: Step | undefined, count: unknown): number {
  if (strategy !== 'linear') return strategy === 'canary' ? 2 : 1;
  const { least, most } = STEP_PERCENT.linear;
  return step ? Math.ceil(100 / Math.min(Math.max(percentOf(step, count), least), most)) : 1;
}

/** A step as a share of a fleet of `count` instances, in percent. */
export const percentOf = (step: Step, count: unknown): number =>
  'percent' in step ? step.percent : (100 * step.instances) / (typeof count === 'number' && count > 0 ? count : 1);

/** A share within what SageMaker takes for a step of this strategy, in whole percent. */
export function allowedPercent(strategy: Exclude<Strategy, 'all-at-once'>, percent: number): number {
  const { least, most } = STEP_PERCENT[strategy];
  return Math.min(Math.max(Math.round(percent), least), most);
}

/** What single keys of an endpoint section can't say. Values of other types than the schema's may be there: their own faults name those. */
export function checkRelease(endpoint: Wanted, fault: (path: string[], message: string) => void): void {
  const { strategy, step } = endpoint;
  if (strategy === 'canary' || strategy === 'linear') checkStep(strategy, endpoint, fault);
  else if (step !== undefined && (strategy === undefined || strategy === 'all-at-once'))
    fault(['step'], 'must stand beside strategy canary or linear: all-at-once has no steps');

  checkPauses(endpoint, fault);
}

/** The limits of each key are the schema's; here it is about their sum. */
function checkPauses(endpoint: Wanted, fault: (path: string[], message: string) => void): void {
  const release = releaseOf(endpoint);
  const patience = secondsOf(endpoint.maxWait);
  if (!release || patience === undefined) return;
  const { steps, bake, terminationWait, limit } = release;
  const pauses = steps * bake + terminationWait;
  if (bake > LONGEST_PAUSE || terminationWait > LONGEST_PAUSE) return;
  if (pauses < Math.min(limit, patience * SHARE_OF_PATIENCE)) return;
  const sum = `bake after ${steps === 1 ? 'the step' : `each of ${steps} steps`} and terminationWait take ${pauses} s`;
  if (pauses >= TIME_LIMIT.most)
    return fault(
      ['bake'],
      `must be shorter: ${sum}, and SageMaker takes less than ${TIME_LIMIT.most} s for a deployment`,
    );
  const minutes = Math.ceil((pauses + 1) / SHARE_OF_PATIENCE / 60);
  fault(['maxWait'], `must be at least ${minutes}m: ${sum}, and a tenth of maxWait is kept for the way back`);
}

function checkStep(
  strategy: Exclude<Strategy, 'all-at-once'>,
  { step, count, instanceType }: Wanted,
  fault: (path: string[], message: string) => void,
): void {
  const { least, most } = STEP_PERCENT[strategy];
  if (typeof instanceType === 'string' && instanceType.startsWith('ml.inf1.'))
    fault(
      ['strategy'],
      `must be all-at-once on ${instanceType}: SageMaker moves traffic of Inf1 instances at once only`,
    );
  if (step === undefined)
    return fault(['strategy'], 'must stand beside a step that says how much moves at once: step: { percent: 10 }');
  if (typeof step !== 'object' || step === null || Array.isArray(step)) return;
  const { percent, instances } = step as { percent?: unknown; instances?: unknown };
  if (percent === undefined && instances === undefined) return fault(['step'], 'must have percent or instances');
  if (percent !== undefined && instances !== undefined)
    return fault(['step', 'instances'], 'must not stand beside percent: give one of the two');
  if (typeof percent === 'number' && percent >= 1 && percent < least)
    fault(['step', 'percent'], `must lie between ${least} and ${most} for ${strategy}, SageMaker's limits`);
  if (typeof instances !== 'number' || typeof count !== 'number') return;
  const [fewest, highest] = [Math.ceil((count * least) / 100), Math.floor((count * most) / 100)];
  if (highest < 1)
    fault(
      ['step', 'instances'],
      `must be percent where count is ${count}: one instance is more than ${most} % of the fleet`,
    );
  else if (instances < fewest || instances > highest)
    fault(
      ['step', 'instances'],
      `must lie between ${fewest} and ${highest} for ${strategy} of ${count} instances, SageMaker's limits (${least} to ${most} %)`,
    );
}

function stepOf(step: unknown): Step | undefined {
  const { percent, instances } = (step ?? {}) as { percent?: unknown; instances?: unknown };
  if (typeof percent === 'number' && percent > 0) return { percent };
  return typeof instances === 'number' && instances > 0 ? { instances } : undefined;
}

/** Seconds of a duration of fixed length; undefined for anything else. */
function secondsOf(span: unknown): number | undefined {
  const parsed = typeof span === 'string' ? parseSpan(span) : undefined;
  return parsed && parsed.months === 0 ? parsed.ms / 1_000 : undefined;
}
