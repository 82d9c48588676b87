import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import type { LogPages } from '../../contracts/insight.js';
import { askForObject } from '../answers.js';
import { Interrupted } from '../interrupt.js';
import { describeRun } from '../run/describe.js';
import { Interleaver, type LogEntry } from './interleave.js';
import type { LogSource } from './source.js';
import type { Terminal } from '../terminal.js';

/** Between two looks: soon after something came, later and later while nothing does. */
const SOONEST_MS = 1_000;
const LATEST_MS = 10_000;
const GROWTH = 1.5;
/** CloudWatch Logs shows a program's last lines some seconds after its end. */
const SETTLE_MS = 5_000;
/** SageMaker's words for a job that writes nothing more. */
const OVER = ['Completed', 'Failed', 'Stopped'];

/** What is read, and where it goes. */
export interface Reading {
  readonly client: Client;
  readonly terminal: Terminal;
  readonly definition: Definition;
  readonly run: string;
  readonly source: LogSource;
  /** `hosts`: how many programs are known to write, now or soon. */
  readonly print: (entries: readonly LogEntry[], hosts: number) => void;
}

interface State {
  /** Whether CloudWatch Logs has a stream of it. */
  readonly found: boolean;
  readonly jobStatus?: string;
}

/** Prints everything that was written so far. */
export async function readAll(reading: Reading): Promise<State> {
  return new Reader(reading).catchUp();
}

/** Prints what is written, until the program is over or the signal is given. An endpoint's program is never over. */
export async function follow(reading: Reading, signal: AbortSignal): Promise<State> {
  const reader = new Reader(reading);
  let pause = SOONEST_MS;
  let settled = false;
  for (;;) {
    const over = await isOver(reading, reader.jobStatus);
    const before = reader.lines;
    const state = await reader.catchUp().catch((error: unknown) => {
      if (signal.aborted && error instanceof Interrupted) return undefined;
      throw error;
    });
    // Interrupted in the middle of a question: what was printed is all there is to say.
    if (!state) return { found: true };
    const isNew = reader.lines > before;
    if (signal.aborted || (over && settled && !isNew)) return state;
    settled = over;
    pause = isNew ? SOONEST_MS : Math.min(LATEST_MS, pause * GROWTH);
    await sleep(over ? SETTLE_MS : pause, undefined, { signal }).catch(() => undefined);
  }
}

async function isOver({ client, run, source }: Reading, jobStatus: string | undefined): Promise<boolean> {
  const hasRunEnded = async () => (await describeRun(client, run))?.status !== 'RUNNING';
  switch (source.kind) {
    case 'training':
      // A run names its job before it makes it.
      return OVER.includes(jobStatus ?? '') || (jobStatus === 'Absent' && (await hasRunEnded()));
    case 'transform':
      return hasRunEnded();
    case 'endpoint':
      return false;
  }
}

class Reader {
  private readonly interleaver = new Interleaver();
  jobStatus?: string;
  lines = 0;

  constructor(private readonly reading: Reading) {}

  /** Reads page after page until there is no more for now. */
  async catchUp(): Promise<State> {
    const { client, terminal, definition, source, print } = this.reading;
    for (;;) {
      const { kind: _kind, ...where } = source;
      const input = { definition, outputUri: '', ...where, cursors: this.interleaver.cursors };
      const { found, pages, jobStatus, hosts = 1 } = await askForObject<LogPages>(client, terminal, 'readLogs', input);
      this.jobStatus = jobStatus;
      const entries = this.interleaver.add(pages);
      this.lines += entries.length;
      if (entries.length > 0) print(entries, Math.max(hosts, this.interleaver.streams));
      if (pages.every(({ more }) => !more)) return { found, ...(jobStatus !== undefined && { jobStatus }) };
    }
  }
}
