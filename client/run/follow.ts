import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Outcome, RunProgress, Stage } from '../../contracts/runs.js';
import { parseRunId } from '../../contracts/names.js';
import { EXIT } from '../errors.js';
import { formatSeconds, secondsBetween } from '../format.js';
import type { Output } from '../output.js';
import type { Terminal } from '../terminal.js';
import type { LiveRun, RunEnd } from './describe.js';
import { awaitEnd, describeRun, pendingInWords } from './describe.js';
import { queuedRuns } from './find.js';

const LOOK_MS = 500;

/** Exit code that an outcome stands for. */
export function exitOf(outcome: Outcome): number {
  switch (outcome) {
    case 'Deployed':
    case 'NoNewData':
    case 'Trained':
    case 'Rejected':
      return EXIT.ok;
    case 'Failed':
      return EXIT.failed;
    case 'Cancelled':
      return EXIT.cancelled;
  }
}

/** Says each thing about a run once, as it comes to be known. */
class Narrator {
  private readonly told = new Set<string>();
  private waitingFor = '';

  constructor(private readonly output: Output) {}

  private once(key: string, text: string): void {
    if (this.told.has(key)) return;
    this.told.add(key);
    this.output.note(text);
  }

  queued(position: number): void {
    this.once(`queued ${position}`, `queued, ${position === 1 ? 'next' : `${position - 1} before it`}`);
  }

  private stages({ since }: RunProgress): void {
    const begun = Object.entries(since) as [Stage, string][];
    begun.forEach(([stage, at], index) => {
      if (stage === 'done') return;
      this.once(`stage ${stage}`, `${this.output.style('cyan', '▸')} ${stage}`);
      const next = begun[index + 1]?.[1];
      if (next) this.once(`end ${stage}`, `  ${stage}: ${formatSeconds(secondsBetween(at, next))}`);
    });
  }

  tell({ progress, pending, silence }: LiveRun): void {
    if (silence) this.once(`silence ${silence}`, `  … ${silence}`);
    if (progress) {
      this.stages(progress);
      for (const note of progress.notes) this.once(`note ${note}`, `  ${note}`);
      for (const warning of progress.warnings) this.once(`warning ${warning}`, `  warning: ${warning}`);
    }
    const one = pending.find(({ last, beat }) => last !== undefined || beat !== undefined);
    // Of what goes on, a line a minute.
    const key = one
      ? `${one.activity}: ${one.last}, ${one.beat?.doing} ${Math.floor((one.beat?.seconds ?? 0) / 60)}`
      : '';
    if (one && key !== this.waitingFor) this.output.note(`  … ${one.activity}: ${pendingInWords(one)}`);
    this.waitingFor = key;
  }
}

/** How following ended: with the run, or by Ctrl-C, or because the run left the queue without starting. */
export type Followed = { readonly end: RunEnd } | { readonly left: 'interrupted' | 'dropped' };

/** Shows a run's stages live until it ends. Ctrl-C ends the following, never the run. */
export async function followRun(client: Client, terminal: Terminal, output: Output, run: string): Promise<Followed> {
  const narrator = new Narrator(output);
  const interrupt = new AbortController();
  const stop = terminal.onInterrupt(() => interrupt.abort());
  let seen = false;
  try {
    while (!interrupt.signal.aborted) {
      const live = await describeRun(client, run);
      if (live) {
        seen = true;
        narrator.tell(live);
        if (live.status !== 'RUNNING') return { end: await awaitEnd(client, run) };
      } else {
        const position = (await queuedRuns(client, parseRunId(run)?.model ?? '')).indexOf(run);
        // Between leaving the queue and starting there is a moment in which it is neither.
        if (position < 0 && (seen || !(await appears(client, run)))) return { left: 'dropped' };
        if (position >= 0) narrator.queued(position + 1);
      }
      await sleep(LOOK_MS, undefined, { signal: interrupt.signal }).catch(() => undefined);
    }
    return { left: 'interrupted' };
  } finally {
    stop();
  }
}

async function appears(client: Client, run: string): Promise<boolean> {
  for (let tries = 0; tries < 10; tries++) {
    if (await describeRun(client, run)) return true;
    await sleep(LOOK_MS);
  }
  return false;
}
