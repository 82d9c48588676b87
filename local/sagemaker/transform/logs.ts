import { join } from 'node:path';
import type { Context } from '../context.js';
import { openLog } from '../runtime/log-file.js';
import type { S3Location } from '../s3.js';
import type { ExecutionParameters } from './model-client.js';

/** Holds one folder of logs a job. */
export function transformLogRoot(ctx: Context): string {
  return join(ctx.config.stateDir, 'logs', 'transform-jobs');
}

/** Logs of one instance of a job: what its program said, and what became of its objects (AWS's `data-log`). */
export function transformLogs(ctx: Context, job: string, instance: number): { program: string; data: string } {
  const dir = join(transformLogRoot(ctx), job);
  return { program: join(dir, `${instance + 1}.log`), data: join(dir, `${instance + 1}-data.log`) };
}

/** What SageMaker itself says of a job, beside its program. */
export interface DataLog {
  parameters(parameters: ExecutionParameters): void;
  failed(object: S3Location, kind: string, error: Error): void;
  close(): void;
}

/** Opens an instance's `data-log`, in AWS's form. */
export function openDataLog(ctx: Context, job: string, instance: number): DataLog {
  const { data } = transformLogs(ctx, job, instance);
  const log = openLog(data, (error) => ctx.log.warn({ err: error, logFile: data }, 'a log could not be written'));
  const say = (text: string): void =>
    log.write(Buffer.from(`${new Date().toISOString().slice(0, -1)}:[sagemaker logs]: ${text}\n`));
  return {
    parameters({ maxConcurrent, maxPayloadBytes, strategy }) {
      const name = strategy === 'SingleRecord' ? 'SINGLE_RECORD' : 'MULTI_RECORD';
      const payload = maxPayloadBytes / (1024 * 1024);
      say(`MaxConcurrentTransforms=${maxConcurrent}, MaxPayloadInMB=${payload}, BatchStrategy=${name}`);
    },
    failed({ bucket, key }, kind, { message }) {
      say(`${bucket}/${key}: ${kind}: ${message.replaceAll('\n', ' ')}`);
    },
    close: () => log.close(),
  };
}
