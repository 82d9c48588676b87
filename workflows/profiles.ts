import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type {
  DataActivities,
  EndpointActivities,
  LedgerActivities,
  OrphanActivities,
  RecordActivities,
  ResumeActivities,
  TrainingActivities,
  TriggerActivities,
} from '../contracts/activities.js';
import type { PreparePreviewActivities } from '../contracts/prepare.js';
import type { NotifyActivities } from '../contracts/notices.js';
import type { VersionActivities } from '../contracts/versions.js';
import type { EvaluationActivities } from '../contracts/evaluation.js';
import type { TransformActivities } from '../contracts/transforms.js';

// Whole profiles, one a class of activity: nothing retries for ever, nothing relies on a default.
// The real default of cancellationType is TRY_CANCEL whatever its docs say, so each names its own.

const BACKOFF = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;

/** Reads and idempotent writes of S3, SSM and SageMaker: an outage of an hour is sat out. */
export const data = proxyActivities<DataActivities & ResumeActivities & Pick<VersionActivities, 'planChange'>>({
  startToCloseTimeout: '10m',
  scheduleToCloseTimeout: '1h',
  heartbeatTimeout: '1m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/**
 * Creates of remote resources: a cancel waits for the answer, so that what was made is known and can be undone. An attempt takes seconds;
 * its limit is how long a run stands still when its worker dies during it.
 */
export const CHANGE = {
  startToCloseTimeout: '30s',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

export const training = proxyActivities<Pick<TrainingActivities, 'startTraining'>>({
  ...CHANGE,
  scheduleToCloseTimeout: '1h',
});

export const endpoints = proxyActivities<
  Pick<EndpointActivities, 'startDeployment' | 'rollBack' | 'deleteEndpoint'> & Pick<VersionActivities, 'startChange'>
>({
  ...CHANGE,
  scheduleToCloseTimeout: '1h',
});

export const evaluations = proxyActivities<Pick<EvaluationActivities, 'startEvaluation'>>({
  ...CHANGE,
  scheduleToCloseTimeout: '1h',
});

/** Reads every row of a holdout. */
export const scoring = proxyActivities<Pick<EvaluationActivities, 'scoreModels'>>({
  startToCloseTimeout: '2h',
  scheduleToCloseTimeout: '6h',
  heartbeatTimeout: '1m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** One invocation, which SageMaker gives 60 s. */
export const invocations = proxyActivities<Pick<EndpointActivities, 'smokeTest'>>({
  startToCloseTimeout: '75s',
  scheduleToCloseTimeout: '10m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/**
 * Waits: the activity says InProgress and when to ask again; the server keeps the timer. Callers give the time limit. Limit of one look
 * and interval together are how long a wait stands still when its worker dies during a look: under 15 s, as the shortest poll is one.
 */
export const WAIT = {
  startToCloseTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 1 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
} as const;

export const waits = proxyActivities<
  Pick<TrainingActivities, 'awaitTrainingJob' | 'stopTrainingJob'> &
    Pick<EndpointActivities, 'awaitEndpoint' | 'awaitEndpointGone'> &
    Pick<EvaluationActivities, 'awaitTransforms' | 'forgetEvaluation'> &
    Pick<OrphanActivities, 'discardDeployment'> &
    Pick<TransformActivities, 'awaitTransform' | 'stopTransform'>
>({ ...WAIT, scheduleToCloseTimeout: '1d' });

export const records = proxyActivities<RecordActivities>({
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '1h',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Housekeeping that a run can do without: it never holds up its end for longer than this. */
export const housekeeping = proxyActivities<
  Pick<LedgerActivities, 'indexRun' | 'indexEndpointDeleted'> & Pick<EndpointActivities, 'cleanUp'>
>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1m',
  retry: { ...BACKOFF, maximumInterval: '10s' },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** Slack is best effort: one more try, then a warning in the run. */
export const SLACK = {
  startToCloseTimeout: '4s',
  scheduleToCloseTimeout: '6s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumAttempts: 2 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
} as const;

export const slack = proxyActivities<NotifyActivities>(SLACK);

/** Questions of a person at a terminal: an answer, or the reason, within a minute or so. */
export const questions = proxyActivities<
  Pick<LedgerActivities, 'listRuns' | 'showRun'> &
    Pick<DataActivities, 'previewRun'> &
    PreparePreviewActivities &
    Pick<ResumeActivities, 'planResume'> &
    Pick<VersionActivities, 'listVersions' | 'planChange'> &
    Pick<EndpointActivities, 'invokeEndpoint'>
>({
  startToCloseTimeout: '70s',
  scheduleToCloseTimeout: '2m',
  retry: { ...BACKOFF, maximumAttempts: 3 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** Reads every outcome object of the given models. */
export const rebuilding = proxyActivities<Pick<LedgerActivities, 'rebuildLedger'>>({
  startToCloseTimeout: '2h',
  scheduleToCloseTimeout: '4h',
  heartbeatTimeout: '1m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** Looks at all of an account's jobs, configs, models and endpoints that may be ours: minutes where there are thousands. */
export const orphanage = proxyActivities<Pick<OrphanActivities, 'findOrphans' | 'stopOrphans'>>({
  startToCloseTimeout: '15m',
  scheduleToCloseTimeout: '25m',
  heartbeatTimeout: '2m',
  retry: { ...BACKOFF, maximumAttempts: 5 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

export const triggering = proxyActivities<TriggerActivities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1d',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** Which model a batch transform asks, and how many objects it wrote: reads, of many pages at the most. */
export const liveModels = proxyActivities<Pick<TransformActivities, 'findLiveModel' | 'countAnswers'>>({
  startToCloseTimeout: '10m',
  scheduleToCloseTimeout: '1h',
  heartbeatTimeout: '1m',
  retry: BACKOFF,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

export const transforms = proxyActivities<Pick<TransformActivities, 'startTransform'>>({
  ...CHANGE,
  scheduleToCloseTimeout: '1h',
});
