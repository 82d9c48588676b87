import type { Definition } from './definition/index.js';
import { parseRunId } from './names.js';
import type { Prepared } from './prepare.js';
import type { OutcomeObject } from './records.js';

/** Input of `resumable` -> ResumePlan: what a run that takes up `resume` would do. Nothing is written. */
export interface ResumeInput {
  readonly definition: Definition;
  readonly resume: string;
  /** A run that leaves the endpoint alone may take up what is no longer the newest. */
  readonly noDeploy?: boolean;
}

/** Where a run goes on that takes up another. */
export interface ResumePlan {
  readonly from: 'check data' | 'train' | 'await' | 'deploy';
  /** In one sentence, for people: why from there. */
  readonly reason: string;
  /** YYYY-MM-DD that the first run looked at the data as of, where it is recorded. */
  readonly asOf?: string;
  /** The first run was to leave the endpoint alone, and came to less than that. */
  readonly noDeploy?: boolean;
  /** The training job that is used again. */
  readonly trainingJob?: string;
  /** What the first run's warehouse made, published and there still: it isn't asked again. */
  readonly prepared?: Prepared;
}

/** What of a run's record says whether it can be resumed. */
type Ended = Partial<Pick<OutcomeObject, 'outcome' | 'failureType' | 'prepared' | 'fileRecordUri' | 'artifactUri'>>;

/** Tells a person how a run that is over can go on; undefined where a new run does as well, or better. */
export function resumeAdvice(
  run: string,
  { outcome, failureType, prepared, fileRecordUri, artifactUri }: Ended,
): string | undefined {
  const command = `\`perennial resume ${run}\``;
  // A change by hand is asked for again.
  if ((parseRunId(run)?.kind ?? 'retrain') !== 'retrain') return undefined;
  if (outcome === 'Trained') return `${command} deploys what it trained`;
  if (outcome !== 'Failed' && outcome !== 'Cancelled') return undefined;
  // Without a snapshot there is nothing to go on with; and files that changed are news to the next run.
  if (failureType === 'DataChanged') return undefined;
  if (fileRecordUri === undefined) return prepared && `${command} goes on with the data that was prepared`;
  return artifactUri === undefined
    ? `${command} goes on with the same files`
    : `${command} goes on without a second training`;
}
