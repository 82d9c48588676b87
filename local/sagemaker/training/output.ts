import { createReadStream, Stats } from 'node:fs';
import { cp, readdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { create } from 'tar';
import type { Context, Exit } from '../context.js';
import { joinS3, parseS3, upload } from '../s3.js';
import { modelUri, outputUri } from './record.js';
import type { TrainingJob } from './types.js';
import { hasEntries, type Host } from './workspace.js';

/** Two blocks of zeros end a tar archive; here nothing is before them. */
const EMPTY_ARCHIVE = gzipSync(Buffer.alloc(1024));

/**
 * Packs /opt/ml/model (of all hosts; the first one wins) and, if anything is in it, /opt/ml/output/data, and uploads
 * both with SSE-KMS where the job names an output key. Sets the job's ModelArtifacts.
 */
export async function uploadArtifacts(
  ctx: Context,
  job: TrainingJob,
  hosts: readonly Host[],
  signal: AbortSignal,
): Promise<void> {
  const model = await gather(hosts, 'model');
  await pack(ctx, job, model, modelUri(job), signal);
  job.state.ModelArtifacts = { S3ModelArtifacts: modelUri(job) };
  const data = await gather(hosts, 'output/data');
  if (await hasEntries(data)) await pack(ctx, job, data, joinS3(outputUri(job), 'output.tar.gz'), signal);
}

/** Uploads an archive without entries: CreateModel wants the artefact of a completed job to be there. */
export async function uploadEmptyModel(ctx: Context, job: TrainingJob): Promise<void> {
  await upload(ctx.s3, parseS3(modelUri(job)), EMPTY_ARCHIVE, job.request.OutputDataConfig?.KmsKeyId);
}

/** True if some host has written a model; a stopped job uploads only then. */
export async function hasModel(hosts: readonly Host[]): Promise<boolean> {
  const found = await Promise.all(hosts.map((host) => hasEntries(join(host.optMl, 'model'))));
  return found.includes(true);
}

/**
 * Why a program that ended with an error did: the first 1,024 characters of /opt/ml/output/failure, in AWS's form
 * `AlgorithmError: …, exit code: N`. Undefined if every program ended well.
 */
export async function failureOf(hosts: readonly Host[], exits: readonly Exit[]): Promise<string | undefined> {
  const index = exits.findIndex((exit) => exitCode(exit) !== 0);
  const host = hosts[index];
  const exit = exits[index];
  if (!host || !exit) return undefined;
  const text = await readFile(join(host.optMl, 'output/failure'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return `the program wrote no /opt/ml/output/failure, see ${host.logFile}`;
    throw error;
  });
  const suffix = `, exit code: ${exitCode(exit)}`;
  // A program that knows the fault to be its caller's says so, as SageMaker's own algorithms do.
  const known = text.startsWith('ClientError: ') ? '' : 'AlgorithmError: ';
  const head = `${known}${text.slice(0, 1024).trimEnd()}`;
  return head.slice(0, 1024 - suffix.length) + suffix;
}

function exitCode({ code, signal }: Exit): number {
  return code ?? (signal ? 128 + constants.signals[signal] : 1);
}

async function gather(hosts: readonly Host[], folder: string): Promise<string> {
  const [first, ...others] = hosts.map((host) => join(host.optMl, folder)) as [string, ...string[]];
  for (const other of others) await cp(other, first, { recursive: true, force: false });
  return first;
}

async function pack(ctx: Context, job: TrainingJob, dir: string, uri: string, signal: AbortSignal): Promise<void> {
  const archive = `${dir}.tar.gz`;
  // A bare name that starts with @ would be read as an archive to take in.
  const entries = (await readdir(dir)).map((name) => (name.startsWith('@') ? `./${name}` : name));
  // The library never ends over a socket or a pipe.
  const filter = (_: string, entry: Stats | object): boolean =>
    !(entry instanceof Stats) || entry.isFile() || entry.isDirectory() || entry.isSymbolicLink();
  const options = { gzip: true, cwd: dir, file: archive, portable: true, filter };
  await create(options, entries.length > 0 ? entries : ['.']);
  await upload(ctx.s3, parseS3(uri), createReadStream(archive), job.request.OutputDataConfig?.KmsKeyId, signal);
}
