import type { Progress } from '../tools/install.js';

/** The parts of local mode, each one process. */
export const serviceNames = ['temporal', 'aws', 'postgres', 'slack', 'sagemaker', 'redshift', 'worker'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What a person calls them. */
export const serviceLabels: Readonly<Record<ServiceName, string>> = {
  temporal: 'Temporal',
  aws: 'MiniStack',
  postgres: 'PostgreSQL',
  slack: 'Slack sink',
  sagemaker: 'local SageMaker',
  redshift: 'local Redshift',
  worker: 'worker',
};

/** The same at the beginning of a sentence. */
export const serviceSubjects: Readonly<Record<ServiceName, string>> = {
  ...serviceLabels,
  slack: 'The Slack sink',
  sagemaker: 'The local SageMaker',
  redshift: 'The local Redshift',
  worker: 'The worker',
};

/** How to start, probe and stop one process. Everything it listens on is on 127.0.0.1. */
export interface ProcessSpec {
  readonly name: ServiceName;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid?: number;
  readonly gid?: number;
  /** One probe: true once it can be used. Throws only when waiting longer is of no use. */
  ready(): Promise<boolean>;
  readonly readyWithinMs: number;
  /**
   * One probe of a process that was ready: whether it answers at all, be it that something it needs is missing. One that hangs without
   * dying does not.
   */
  alive(): Promise<boolean>;
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  /** After this it is killed. */
  readonly stopWithinMs: number;
  /**
   * Before each start: clears away or reports what an earlier process left.
   * @param crashed the last process of this service did not end by being stopped
   */
  beforeStart?(crashed: boolean): Promise<void>;
}

/** What every service needs to know to describe its process. */
export interface ServiceContext {
  /** This service's own folder; it exists. */
  readonly dir: string;
  /** False keeps nothing for a next start: for tests. */
  readonly persist: boolean;
  readonly say: Progress;
  /** Aborted while the service is being prepared, it ends the preparation. */
  readonly signal?: AbortSignal | undefined;
}

/** The part of this process's environment that any program needs, and nothing that configures AWS, Temporal or PostgreSQL. */
export function plainEnv(): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR, LANG, TZ } = process.env;
  return { PATH, HOME, TMPDIR, LANG, TZ };
}

/** Whether a GET is answered, with whatever status. */
export async function responds(url: string, withinMs = 5_000): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Whether a GET is answered with 200. A refused or slow connection is "not yet". */
export async function answers(url: string, withinMs = 2_000): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
