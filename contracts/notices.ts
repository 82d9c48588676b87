import type { RunRef } from './activities.js';
import type { Definition } from './definition/index.js';
import type { Evaluation } from './evaluation.js';
import type { Metric } from './records.js';
import type { Outcome, RunRequest, Stage } from './runs.js';
import type { Change } from './versions.js';

/** A message about a run, as facts; the activity makes the blocks. */
export interface Notice {
  readonly kind: 'training' | 'approval' | 'deploying' | 'ended';
  /** What it is about where that is no run of the model: `batch transform daily`. */
  readonly subject?: string;
  readonly ref: RunRef;
  readonly temporalRunId: string;
  readonly stage: Stage;
  readonly request: Pick<RunRequest, 'trigger' | 'force' | 'noDeploy' | 'set' | 'resume'>;
  /** There for a change by hand. */
  readonly change?: Change;
  readonly outcome?: Outcome;
  readonly reason?: string;
  readonly failureType?: string;
  readonly files?: number;
  readonly trainingJob?: string;
  readonly instanceType?: string;
  readonly endpoint?: string;
  readonly endpointConfig?: string;
  readonly metrics: readonly Metric[];
  readonly evaluation?: Evaluation;
  /** Until when a person may decide; ISO 8601. */
  readonly decideBy?: string;
  /** Seconds since the run began, and by stage. */
  readonly seconds: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** What a person can do now. */
  readonly next?: string;
}

export interface NotifyActivities {
  /** Posts into the run's thread; without `threadTs` it opens one. Fails with SlackRefused or SlackUnavailable. */
  notifySlack(input: {
    slack: NonNullable<Definition['notify']['slack']>;
    notice: Notice;
    threadTs?: string;
  }): Promise<{ ts: string }>;
}
