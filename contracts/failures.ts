/**
 * Every type of failure that Perennial raises, with its class.
 * - transient: retried by the activity's profile, then the run fails with it.
 * - permanent: retrying can't help; the message says what to do.
 * - capacity: the run goes on with the next instance type.
 * - progress: not an error; a wait that is not over. The server retries it, the message is the job's status.
 * - outcome: the remote work ended in a way that ends the run.
 */
export const FAILURES = {
  Throttled: 'transient',
  ServiceUnavailable: 'transient',
  NetworkError: 'transient',
  RolePropagating: 'transient',
  LedgerUnavailable: 'transient',
  SlackUnavailable: 'transient',

  AccessDenied: 'permanent',
  KeyUnusable: 'permanent',
  InvalidRequest: 'permanent',
  QuotaExceeded: 'permanent',
  ResourceMissing: 'permanent',
  NameConflict: 'permanent',
  DefinitionInvalid: 'permanent',
  DataInvalid: 'permanent',
  RecordConflict: 'permanent',
  SlackRefused: 'permanent',

  NoCapacity: 'capacity',

  InProgress: 'progress',

  CapacityExhausted: 'outcome',
  TrainingFailed: 'outcome',
  TrainingStopped: 'outcome',
  TrainingTimedOut: 'outcome',
  DataChanged: 'outcome',
  TransformFailed: 'outcome',
  TransformStopped: 'outcome',
  LiveChanged: 'outcome',
  DeploymentRolledBack: 'outcome',
  EndpointFailed: 'outcome',
  SmokeTestFailed: 'outcome',
  PurgeIncomplete: 'outcome',
  WaitTimedOut: 'outcome',
  UnknownStatus: 'outcome',
} as const;

export type FailureType = keyof typeof FAILURES;

/** Types that Temporal must not retry. */
export const NON_RETRYABLE: FailureType[] = (Object.keys(FAILURES) as FailureType[]).filter(
  (type) => FAILURES[type] !== 'transient' && FAILURES[type] !== 'progress',
);

export function isFailureType(type: string | null | undefined): type is FailureType {
  return type != null && Object.hasOwn(FAILURES, type);
}
