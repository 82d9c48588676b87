import type { RunRef } from './activities.js';
import type { Definition } from './definition/index.js';
import type { RunKind, RunTime } from './names.js';
import type { Metric } from './records.js';

/** An endpoint config with the SageMaker model it names: what an endpoint can go back to. Times are ISO 8601. */
export interface Version {
  readonly config: string;
  /** Workflow id of what made the config: the run itself, or a deploy by hand of its model. */
  readonly madeBy: string;
  readonly modelName?: string;
  /** The run that trained the model. */
  readonly run?: string;
  readonly instanceType?: string;
  readonly count?: number;
  /** Of the data that the model was trained on, YYYY-MM-DD. */
  readonly oldestDate?: string;
  readonly newestDate?: string;
  readonly files?: number;
  /** The metric that decided about the candidate, on the rows it was judged on; without an evaluation those of the training job. */
  readonly metrics: readonly Metric[];
  readonly deployedAt?: string;
  readonly live: boolean;
  /** Config that was live when this one was made. */
  readonly previous?: string;
  /** In a sentence: why the endpoint can't go back to it. */
  readonly unusable?: string;
}

/** Input of `versions` -> Versions. */
export interface VersionsInput {
  readonly definition: Definition;
}

/** What an endpoint serves and could serve, newest first. */
export interface Versions {
  readonly endpoint: string;
  /** SageMaker's status of the endpoint; absent without an endpoint. */
  readonly status?: string;
  /** Config that is live, be it one that no run made. */
  readonly liveConfig?: string;
  readonly versions: readonly Version[];
}

/** A wish for a change of the endpoint by hand. */
export interface ChangeRequest {
  readonly kind: Exclude<RunKind, 'retrain'>;
  /** rollback: id of the run whose version is wanted; without it the one that was live before. */
  readonly to?: string;
  /** Config that was live when the person decided: if another is by the time it is done, nothing is. */
  readonly from?: string;
  /** deploy: also where nothing differs from what is live. */
  readonly force?: boolean;
  /** As the person's client names them. */
  readonly by: string;
  readonly note?: string;
}

/** Input of `rollback` and `deploy`, children of the model's entity; their value is a RunResult. */
export interface ChangeInput {
  readonly runTime: RunTime;
  readonly definition: Definition;
  readonly request: ChangeRequest;
}

/** Input of `changePlan` -> ChangePlan: what a change would do now, or the refusal. Nothing is written. */
export type ChangePlanInput = Pick<ChangeInput, 'definition'> & {
  readonly request: Pick<ChangeRequest, 'kind' | 'to' | 'from' | 'force'>;
};

/** What a model was made from, as pointers name it. */
interface Snapshot {
  readonly fileRecordUri: string;
  readonly dataHash: string;
  readonly definitionHash: string;
}

/** A change as it stands in its outcome object and in Slack. */
export interface Change {
  readonly kind: ChangeRequest['kind'];
  readonly by: string;
  readonly note?: string;
  /** What was live: `run` trained its model, on `snapshot`; absent where no run did. */
  readonly from: { readonly config: string; readonly run?: string; readonly snapshot?: Snapshot };
  readonly to: { readonly config: string; readonly run: string };
}

/** What is recorded of the run that trained a version's model. `definitionHash` is what the next run compares its definition with. */
export interface Trained extends Snapshot {
  readonly modelHash?: string;
  readonly manifestUri?: string;
  readonly files: number;
  readonly newestDate: string;
}

export interface ChangePlan {
  readonly endpoint: string;
  readonly from: Change['from'];
  /** The version that goes into service; for a deploy its config is made first. */
  readonly to: Change['to'] & Trained & { readonly modelName: string };
  /** For people, in one sentence: from what to what. */
  readonly summary: string;
  readonly warnings: readonly string[];
}

/** What an endpoint can go back to, and changes of it by hand. */
export interface VersionActivities {
  /** The kept versions of a model. Reads only. */
  listVersions(input: VersionsInput): Promise<Versions>;
  /**
   * Decides what a change does. Fails with one sentence: ResourceMissing if nothing is live or the version is gone, InvalidRequest if
   * there is nothing to do, LiveChanged if what is live is not what the person saw. Reads only. `runTime`: of the change, which names the
   * config that a deploy makes; a question has none.
   */
  planChange(input: ChangePlanInput & { readonly runTime?: RunTime }): Promise<ChangePlan>;
  /**
   * Starts the update of the endpoint to the planned config, which a deploy makes first; found again on a retry. Await it with
   * awaitEndpoint, take it back with rollBack. LiveChanged if another config is live by now than the plan says.
   */
  startChange(input: {
    ref: RunRef;
    definition: Definition;
    kind: ChangeRequest['kind'];
    plan: ChangePlan;
  }): Promise<{ warnings: readonly string[] }>;
}
