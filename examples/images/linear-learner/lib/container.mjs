/**
 * SageMaker's container contract: where things are and how a failure is told.
 * Sources: the public training and inference toolkits for SAGEMAKER_BASE_DIR and SAGEMAKER_BIND_TO_PORT, the
 * developer guide for the folders under /opt/ml.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A fault of the caller's data or settings. Its message is meant for that caller and needs no stack trace. */
export class UserFault extends Error {}

/**
 * Reads the container's surroundings from the environment.
 *
 * @returns {{ config: string, data: string, model: string, output: string, host: string, port: number,
 *   jobName: string | undefined, batch: boolean }} absolute folders, the address to listen on, the training job's name
 */
export function readContainer(env = process.env) {
  const base = env.SAGEMAKER_BASE_DIR || '/opt/ml';
  return {
    config: join(base, 'input', 'config'),
    data: join(base, 'input', 'data'),
    model: join(base, 'model'),
    output: join(base, 'output'),
    host: env.SERVE_HOST || '127.0.0.1',
    port: Number(env.SAGEMAKER_BIND_TO_PORT || 8080),
    jobName: env.TRAINING_JOB_NAME || undefined,
    batch: env.SAGEMAKER_BATCH === 'true',
  };
}

/**
 * Reads one JSON file of /opt/ml/input/config.
 *
 * @throws {UserFault} when it is there and isn't JSON; `fallback` is the answer when it isn't there
 */
export async function readConfig(container, name, fallback) {
  const path = join(container.config, name);
  let text;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return fallback;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserFault(`${path} is not valid JSON: ${error.message}`, { cause: error });
  }
}

/** Writes /opt/ml/output/failure. SageMaker shows its first 1,024 characters as the job's FailureReason. */
export async function writeFailure(container, message) {
  await mkdir(container.output, { recursive: true });
  await writeFile(join(container.output, 'failure'), message);
}

/** One text for a fault: the message alone for the caller's own, with the stack for a defect of this program. */
export function describeFault(error) {
  return error instanceof UserFault ? error.message : `Unexpected fault in linear-learner: ${error.stack ?? error}`;
}

/** Logs a line in the form of SageMaker's own algorithms: `[11/21/2026 09:00:00 INFO 42] text`, UTC. */
export function log(text) {
  const [year, month, day, time] = new Date().toISOString().split(/[-T.]/);
  console.log(`[${month}/${day}/${year} ${time} INFO ${process.pid}] ${text}`);
}
