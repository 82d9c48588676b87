import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { TransformProgress, TransformResult } from '../../contracts/transforms.js';
import type { Output } from '../output.js';
import { awaitEnd, describeRun } from '../run/describe.js';
import type { Terminal } from '../terminal.js';

const LOOK_MS = 500;

/** How a transform ended. */
export interface TransformEnd {
  readonly outcome: 'Completed' | 'Failed' | 'Cancelled';
  readonly reason: string;
  readonly result?: TransformResult;
}

/** Shows a transform live until it ends; undefined after Ctrl-C, which ends the following, never the transform. */
export async function followTransform(
  client: Client,
  terminal: Terminal,
  output: Output,
  id: string,
): Promise<TransformEnd | undefined> {
  const once = output.teller();
  const interrupt = new AbortController();
  const stop = terminal.onInterrupt(() => interrupt.abort());
  try {
    while (!interrupt.signal.aborted) {
      const live = await describeRun<TransformProgress>(client, id);
      for (const note of live?.progress?.notes ?? []) once(`  ${note}`);
      for (const warning of live?.progress?.warnings ?? []) once(`  warning: ${warning}`);
      for (const { last } of live?.pending ?? []) if (last) once(`  … ${last}`);
      if (live?.silence) once(`  … ${live.silence}`);
      // The end of a transform has a run's form, with an outcome of its own.
      if (live?.status !== 'RUNNING') return (await awaitEnd(client, id)) as object as TransformEnd;
      await sleep(LOOK_MS, undefined, { signal: interrupt.signal }).catch(() => undefined);
    }
    return undefined;
  } finally {
    stop();
  }
}
