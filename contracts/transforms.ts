import type { RunRef } from './activities.js';
import type { Definition } from './definition/index.js';
import { compactTime, type RunTime } from './names.js';

/** One entry of `transforms:`, with every default filled in. */
export type Transform = Definition['transforms'][number];

/** Input of `transform`: it explains the run by itself. */
export interface TransformInput {
  readonly definition: Definition;
  /** An entry of the definition, or what a person asked for in its place. */
  readonly transform: Transform;
  /** When a person started it. A schedule's is the nominal time, which Temporal tells the workflow. */
  readonly time?: RunTime;
}

/** The model that a transform asks. */
export interface LiveModel {
  /** SageMaker model. */
  readonly modelName: string;
  /** The run that made it; absent for a model made by hand. */
  readonly run?: string;
  /** For people: how it was found. */
  readonly because: string;
}

interface TransformStarted {
  readonly transformJob: string;
  /** With the placeholders filled in. */
  readonly inputUri: string;
  /** Folder of this run's answers; ends with a slash. */
  readonly outputUri: string;
  /** Whether the job was there already, made by an earlier try of this activity. */
  readonly attached: boolean;
  readonly warnings: readonly string[];
}

/** Value of `transform`. */
export interface TransformResult {
  readonly outcome: 'Completed';
  readonly reason: string;
  readonly model: string;
  readonly name: string;
  readonly transformJob: string;
  readonly modelName: string;
  /** The run that made the model. */
  readonly run?: string;
  readonly inputUri: string;
  readonly outputUri: string;
  /** Objects with answers; absent where the worker may not list them. */
  readonly objects?: number;
  readonly bytes?: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/** Answer of the `progress` query of `transform`. */
export interface TransformProgress {
  readonly state: 'looking for the model' | 'running' | 'Completed' | 'Failed' | 'Cancelled';
  readonly reason?: string;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Batch inference with the live model. */
export interface TransformActivities {
  /**
   * The SageMaker model that is live on the definition's endpoint; without such an endpoint, that of the last deployed run. ResourceMissing
   * if there is neither.
   */
  findLiveModel(input: { definition: Definition }): Promise<LiveModel>;
  /** CreateTransformJob, or attach to the run's own. */
  startTransform(input: {
    ref: RunRef;
    definition: Definition;
    transform: Transform;
    modelName: string;
  }): Promise<TransformStarted>;
  /** Answers when the job has completed. InProgress until then; TransformFailed, TransformStopped, UnknownStatus. */
  awaitTransform(input: { ref: RunRef; transformJob: string; poll: string }): Promise<void>;
  /** Counts what a job wrote. */
  countAnswers(input: { ref: RunRef; outputUri: string }): Promise<{ objects: number; bytes: number }>;
  /** Stops the job and answers once it is at an end or absent; InProgress until then. */
  stopTransform(input: { ref: RunRef; transformJob: string }): Promise<{ status: string }>;
}

/** Beginning of the workflow id of a transform's runs; a schedule appends its time in the same way. */
export const transformPrefix = (model: string, name: string) => `transform/${model}/${name}`;
export const transformId = (model: string, name: string, time: RunTime) => `${transformPrefix(model, name)}-${time}`;
/** Model of a transform's workflow id, or undefined if it is not one. */
export const modelOfTransform = (id: string) => /^transform\/([^/]+)\/[^/]+-\d{4}-\d\d-\d\dT[\d:.]+Z$/.exec(id)?.[1];
export const transformScheduleId = (model: string, name: string) => `schedule/${model}/transform/${name}`;

/** Model and name of a transform's schedule id, or undefined if it is not one. */
export function parseTransformScheduleId(id: string): { model: string; name: string } | undefined {
  const match = /^schedule\/([^/]+)\/transform\/([^/]+)$/.exec(id);
  return match ? { model: match[1] as string, name: match[2] as string } : undefined;
}

/**
 * SageMaker transform job of a run: at most 36 + 1 + 19 + 4 of SageMaker's 63 characters. Transforms of one model that run at the same time
 * differ by their place in the definition; 0 is one that a person asked for.
 */
export function batchJobName(
  { definition, transform }: Pick<TransformInput, 'definition' | 'transform'>,
  time: RunTime,
) {
  const place = definition.transforms.findIndex(({ name }) => name === transform.name) + 1;
  return `${definition.name}-${compactTime(time)}-t${place}`;
}

/** `2026-11-21T090000Z`: the folder of a run's answers. Milliseconds stand in it where there are any: no two runs share one. */
export function transformFolder(time: RunTime): string {
  return time.replaceAll(':', '').replace('.000Z', 'Z').replace('.', '');
}
