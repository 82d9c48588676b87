import type { FailureType } from '../../contracts/failures.js';

/** What was attempted when the error came. */
export interface About {
  /** A verb or the API's operation: `read`, `CreateTrainingJob`. */
  readonly action: string;
  /** The thing, as people know it: `s3://bucket/key`, `training job x`. */
  readonly resource: string;
  /** The IAM actions that it takes: `s3:GetObject`. For an operation of SageMaker it is derived. */
  readonly permission?: string;
  /** What to do where it isn't there, if no definition names it. */
  readonly missing?: string;
}

/** What a service's error comes down to. */
export interface Verdict {
  readonly type: FailureType;
  /** The service's words, or ours where it has none. */
  readonly text: string;
  /** The right that the service itself names as missing. */
  readonly permission?: string;
  /** What to do, where the type's own advice doesn't fit. */
  readonly fix?: string;
  /** Seconds after which the service wants to be asked again. */
  readonly retryAfter?: number;
}

/** The strings that errors of Node and of clients carry, empty where they don't. */
export function fields(error: unknown): { name: string; code: string; message: string } {
  const text = (key: string) => {
    const value = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[key] : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { name: text('name'), code: text('code'), message: text('message') };
}
