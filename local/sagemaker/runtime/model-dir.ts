import { mkdir } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract, type ReadEntry } from 'tar';
import type { Context } from '../context.js';
import { parseS3, readStream } from '../s3.js';

/**
 * Downloads a model.tar.gz and unpacks it into `destDir` (made if missing). Entries that would land or point outside
 * of it, devices and the like are refused. The error's text is SageMaker's, with the cause in `cause`.
 */
export async function fetchModel(
  ctx: Pick<Context, 's3'>,
  modelDataUrl: string,
  destDir: string,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(destDir, { recursive: true });
  const refused: string[] = [];
  try {
    const unpack = extract({
      cwd: destDir,
      strict: true,
      preserveOwner: false,
      filter: (path, entry) => {
        const fine = staysInside(path, entry as ReadEntry);
        if (!fine) refused.push(path);
        return fine;
      },
    });
    await pipeline(await readStream(ctx.s3, parseS3(modelDataUrl), signal), unpack, { signal });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Failed to download model data from URL: "${modelDataUrl}". Please ensure that there is an object located at the URL, that it is a gzipped tar archive, and that the role has permissions to download the object. (${detail})`,
      { cause },
    );
  }
  if (refused.length > 0) {
    throw new Error(
      `Failed to extract model data archive from URL "${modelDataUrl}": unsafe entries: ${refused.join(', ')}`,
    );
  }
}

function staysInside(path: string, entry: ReadEntry): boolean {
  if (!inside(path)) return false;
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
    case 'Directory':
    case 'GNUDumpDir':
      return true;
    case 'SymbolicLink':
      return inside(join(path, '..', entry.linkpath ?? ''), entry.linkpath);
    case 'Link':
      return inside(entry.linkpath ?? '');
    default:
      return false;
  }
}

function inside(path: string, written = path): boolean {
  return !isAbsolute(written) && !normalize(path).split('/').includes('..');
}
