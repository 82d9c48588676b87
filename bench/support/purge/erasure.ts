import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { PurgeWork } from '../../../contracts/purge/index.js';
import { defaultStorage } from '../../../contracts/storage/index.js';
import type { Env } from '../../../examples/demo/account.js';
import { compiled } from '../../../local/paths.js';

export type ErasureStep = 'inspectTargets' | 'eraseObjects' | 'verifyObjects' | 'forgetTargets';

export interface StepDone {
  readonly answer: unknown;
  readonly seconds: number;
  /** Most resident memory of the process until now. */
  readonly peakMiB: number;
}

export interface EraserProcess {
  run(step: ErasureStep, work: PurgeWork): Promise<StepDone>;
  stop(): Promise<void>;
}

/** Starts the process that runs the activities of a purge against the S3 that `env` leads to. */
export async function startEraser(env: Env): Promise<EraserProcess> {
  const child = fork(compiled('bench/support/purge/eraser'), [], { env: { ...process.env, ...env }, execArgv: [] });
  const gone = once(child, 'exit');
  const answer = async () => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      gone.then(([code]) => Promise.reject(new Error(`The erasing process ended with ${String(code)}.`))),
    ])) as [unknown];
    return message;
  };
  await answer();
  return {
    async run(step, work) {
      child.send({ step, work });
      const done = (await answer()) as StepDone | { failure: string };
      if ('failure' in done) throw new Error(`${step}: ${done.failure}`);
      return done;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Work on a list of targets, with nothing declared. */
export function workOn(bucket: string, targetsUri: string, request: string): PurgeWork {
  return {
    ref: { request, execution: `${request}-run`, startedAt: new Date().toISOString() },
    storage: defaultStorage(bucket),
    targetsUri,
    options: {},
  };
}
