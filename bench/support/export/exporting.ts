import type { Exported, PrepareInput } from '../../../contracts/prepare.js';
import type { Env } from '../../../examples/demo/account.js';
import { startOwnProcess, type OwnProcess } from '../own-process.js';

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

export type ExporterProcess = OwnProcess<ExporterWork, ExporterDone>;

/** Starts the process that exports from the PostgreSQL and to the S3 that `env` leads to. */
export const startExporter = (env: Env): Promise<ExporterProcess> =>
  startOwnProcess('bench/support/export/exporter', env);
