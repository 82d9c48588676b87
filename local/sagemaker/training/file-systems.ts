import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSystemDataSource } from '@aws-sdk/client-sagemaker';
import type { Context, Mount } from '../context.js';
import type { TrainingRequest } from './types.js';
import type { Host } from './workspace.js';

/** The folder of this machine that stands for a file system: a mapped one, else one of the state folder's. */
const folderOf = ({ config }: Context, id: string): string =>
  config.fileSystems?.[id] ?? join(config.stateDir, 'efs', id);

/** The channels of a job that are file systems, each with what its program gets to see. */
function mountsOf(ctx: Context, request: TrainingRequest): { mount: Mount; source: FileSystemDataSource }[] {
  return (request.InputDataConfig ?? []).flatMap(({ ChannelName, DataSource }) => {
    const source = DataSource?.FileSystemDataSource;
    if (!source) return [];
    const folder = join(folderOf(ctx, String(source.FileSystemId)), String(source.DirectoryPath));
    const path = `input/data/${ChannelName}`;
    return [{ source, mount: { folder, path, readOnly: source.FileSystemAccessMode !== 'rw' } }];
  });
}

export const mountsFor = (ctx: Context, request: TrainingRequest): Mount[] =>
  mountsOf(ctx, request).map(({ mount }) => mount);

/** Makes the folders that the file systems are mounted at on each host. Throws if one has no such directory. */
export async function prepareMounts(ctx: Context, request: TrainingRequest, hosts: readonly Host[]): Promise<void> {
  for (const { mount, source } of mountsOf(ctx, request)) {
    const there = await stat(mount.folder).then(
      (found) => found.isDirectory(),
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
        throw error;
      },
    );
    if (!there) {
      throw new Error(
        `Unable to mount file system: ${source.FileSystemId}, directory path: ${source.DirectoryPath}. No such directory. (On this machine it is ${mount.folder}: make it, or map the file system in SAGEMAKER_LOCAL_FILE_SYSTEMS.)`,
      );
    }
    for (const { optMl } of hosts) await mkdir(join(optMl, mount.path), { recursive: true });
  }
}
