import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Exported, PrepareInput } from '../../../contracts/prepare.js';
import type { Env } from '../../../examples/demo/account.js';
import { compiled } from '../../../local/paths.js';

export type ExporterWork =
  | { readonly kind: 'exportQuery'; readonly input: PrepareInput }
  | { readonly kind: 'publishExport'; readonly input: PrepareInput & { exported: Exported } }
  /** What the export is measured against: the client's own COPY into a local file. */
  | { readonly kind: 'copyToFile'; readonly url: string; readonly sql: string; readonly file: string };

export interface ExporterDone {
  readonly answer: unknown;
  readonly seconds: number;
  /** Of the process, user and system together. */
  readonly cpuSeconds: number;
  /** Most resident memory of the process until now. */
  readonly peakMiB: number;
}

export interface ExporterProcess {
  run(work: ExporterWork): Promise<ExporterDone>;
  /** SIGKILL, whatever it does; resolves once it is gone. */
  stop(): Promise<void>;
}

/** Starts the process that exports from the PostgreSQL and to the S3 that `env` leads to. */
export async function startExporter(env: Env): Promise<ExporterProcess> {
  const child = fork(compiled('bench/support/export/exporter'), [], { env: { ...process.env, ...env }, execArgv: [] });
  const gone = once(child, 'exit');
  const answer = async () => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      gone.then(([code, signal]) =>
        Promise.reject(new Error(`The exporting process ended: ${String(code ?? signal)}.`)),
      ),
    ])) as [unknown];
    return message;
  };
  await answer();
  return {
    async run(work) {
      child.send(work);
      const done = (await answer()) as ExporterDone | { failure: string };
      if ('failure' in done) throw new Error(`${work.kind}: ${done.failure}`);
      return done;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await gone;
    },
  };
}
