import type { PurgeWork } from '../../../contracts/purge/index.js';
import { defaultStorage } from '../../../contracts/storage/index.js';
import type { Env } from '../../../examples/demo/account.js';
import { startOwnProcess, type OwnProcess } from '../own-process.js';

export type ErasureStep = 'inspectTargets' | 'eraseObjects' | 'verifyObjects' | 'forgetTargets';

export interface StepDone {
  readonly answer: unknown;
  readonly seconds: number;
  /** Most resident memory of the process until now. */
  readonly peakMiB: number;
}

/** One activity of a purge. */
export interface ErasureWork {
  readonly step: ErasureStep;
  readonly work: PurgeWork;
}

export type EraserProcess = OwnProcess<ErasureWork, StepDone>;

/** Starts the process that runs the activities of a purge against the S3 that `env` leads to. */
export const startEraser = (env: Env): Promise<EraserProcess> => startOwnProcess('bench/support/purge/eraser', env);

/** Work on a list of targets, with nothing declared. */
export function workOn(bucket: string, targetsUri: string, request: string): PurgeWork {
  return {
    ref: { request, execution: `${request}-run`, startedAt: new Date().toISOString() },
    storage: defaultStorage(bucket),
    targetsUri,
    options: {},
  };
}
