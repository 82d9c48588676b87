import { isAbsolute } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { listObjects, parseS3, readText, type S3Object } from './s3.js';

export interface S3Source {
  readonly S3DataType: string;
  readonly S3Uri: string;
}

/** An object of an input, and the path below the channel's folder that a program finds it at. */
export interface InputFile {
  readonly object: S3Object;
  readonly path: string;
}

/** AWS: `[{"prefix": "s3://bucket/p/"}, "relative/1", "relative/2", …]`. */
const manifestSchema = z.tuple([z.strictObject({ prefix: z.string() })], z.string());

/** The objects of an S3Prefix or ManifestFile source, in order. Throws if there are none or the manifest is wrong. */
export async function resolveInput(s3: S3Client, source: S3Source, signal?: AbortSignal): Promise<InputFile[]> {
  const files =
    source.S3DataType === 'ManifestFile'
      ? await fromManifest(s3, source.S3Uri, signal)
      : await fromPrefix(s3, source.S3Uri);
  if (files.length === 0) throw new Error(`No S3 objects found under S3 URL "${source.S3Uri}"`);
  return files;
}

/** Every `count`-th object from `index` on: what ShardedByS3Key gives the host of that index. */
export function shard(files: readonly InputFile[], index: number, count: number): InputFile[] {
  return files.filter((_, position) => position % count === index);
}

async function fromPrefix(s3: S3Client, uri: string): Promise<InputFile[]> {
  const prefix = parseS3(uri);
  const objects = await listObjects(s3, prefix);
  return objects.map((object) => ({ object, path: inside(uri, below(prefix.key, object.key)) }));
}

async function fromManifest(s3: S3Client, uri: string, signal?: AbortSignal): Promise<InputFile[]> {
  const text = await readText(s3, parseS3(uri), signal);
  const [head, ...relative] = parseManifest(uri, text);
  return relative.map((path) => ({ object: parseS3(head.prefix + path), path: inside(uri, path) }));
}

function parseManifest(uri: string, text: string): z.infer<typeof manifestSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`manifest ${uri} is not JSON`, { cause });
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(`manifest ${uri} must be [{"prefix": "s3://…"}, "path", …]: ${z.prettifyError(parsed.error)}`);
}

/** A path that a file may have in the channel's folder: a key may hold `..`, and a manifest anything. */
function inside(uri: string, path: string): string {
  if (path !== '' && !isAbsolute(path) && !path.endsWith('/') && !path.split('/').includes('..')) return path;
  throw new Error(`${uri} names "${path}": a path must be that of a file and stay below the prefix`);
}

/** A prefix that names an object or ends inside a name keeps the name; a folder's objects are relative to it. */
function below(prefix: string, key: string): string {
  const rest = key.slice(prefix.length);
  if (prefix === '' || prefix.endsWith('/')) return rest.replace(/^\/+/, '');
  return rest.startsWith('/') ? rest.slice(1) : key.slice(prefix.lastIndexOf('/') + 1);
}
