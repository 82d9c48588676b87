import type { Outcome, RunReceipt, RunResult } from '../../contracts/runs.js';
import type { Env } from './account.js';
import { perennial, perennialOk } from './perennial.js';

/** One run as the demo reports it. */
export interface DemoRun {
  readonly outcome: Outcome;
  readonly model: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly trainingJob?: string;
  readonly endpoint?: string;
  readonly endpointConfig?: string;
  readonly files: number;
  readonly historyEvents: number;
  readonly seconds: number;
  readonly fileRecordUri?: string;
  /** The run in the Temporal UI. */
  readonly url?: string;
  readonly reason: string;
}

interface Followed extends Omit<RunReceipt, 'state'> {
  readonly outcome?: Outcome;
  readonly reason?: string;
  readonly result?: RunResult;
  readonly url?: string;
}

interface Shown {
  readonly temporalRunId: string;
  readonly historyEvents: number;
  readonly startedAt: string;
  readonly endedAt?: string;
}

export interface RunOptions {
  readonly env: Env;
  readonly model: string;
  readonly force: boolean;
  readonly onSay: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * `perennial run <model> --follow` to its end, whatever that is.
 * Throws where there was no run to follow: a refused request, or Ctrl-C.
 */
export async function followedRun({ env, model, force, onSay, signal }: RunOptions): Promise<DemoRun> {
  const args = ['run', model, '--follow', ...(force ? ['--force'] : [])];
  const { value, said } = await perennial(args, { env, onSay, signal });
  signal.throwIfAborted();
  const followed = value as Followed | undefined;
  if (followed?.outcome === undefined) throw new Error(`perennial ${args.join(' ')} showed no end: ${said.trim()}`);
  const { run, outcome, result, reason = '', url } = followed;
  const shown = (await perennialOk(['show', run], { env })) as Shown;
  return {
    outcome,
    model,
    workflowId: run,
    runId: shown.temporalRunId,
    trainingJob: result?.trainingJob,
    endpoint: result?.endpoint,
    endpointConfig: result?.endpointConfig,
    files: result?.files ?? 0,
    historyEvents: shown.historyEvents,
    seconds: shown.endedAt ? (Date.parse(shown.endedAt) - Date.parse(shown.startedAt)) / 1000 : Number.NaN,
    fileRecordUri: result?.fileRecordUri,
    url,
    reason,
  };
}
