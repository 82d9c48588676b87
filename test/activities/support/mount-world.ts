import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { hashesWith } from '../../../activities/keyed-hashes.js';
import { createMountActivities } from '../../../activities/mounts/index.js';
import { createMirroring } from '../../../activities/mounts/mirror.js';
import type { PurgeWork, TargetLine } from '../../../contracts/purge/index.js';
import { storageSchema, type StorageInput } from '../../../contracts/storage/index.js';
import { AWS } from './world.js';

type MirrorInput = NonNullable<StorageInput['storage']['mirrors']>[number];

/** Files below a folder by path, with their content; links and others without. */
export async function filesUnder(folder: string): Promise<Record<string, string | null>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  const read = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(folder.length + 1), entry.isFile() ? await readFile(path, 'utf8') : null] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

/** A bucket of its own, and a folder that stands for a mount. */
export class MountWorld {
  readonly s3 = new S3Client(AWS);
  readonly bucket = `mounts-${randomUUID()}`;
  readonly hashes = hashesWith(Buffer.alloc(32, 3));
  readonly mirroring = this.mirroringOf();
  readonly activities = createMountActivities({
    s3: this.s3,
    hashes: async () => this.hashes,
    mirroring: this.mirroring,
  });

  private constructor(private readonly home: string) {}

  static async make(): Promise<MountWorld> {
    const world = new MountWorld(await mkdtemp(join(tmpdir(), 'perennial-mount-')));
    await mkdir(world.mount);
    await world.s3.send(new CreateBucketCommand({ Bucket: world.bucket }));
    return world;
  }

  /** As of another worker. */
  mirroringOf(rest: Partial<Parameters<typeof createMirroring>[0]> = {}) {
    return createMirroring({ s3: this.s3, hashes: async () => this.hashes, ageMs: 100, ...rest });
  }

  /** The mirror's folder. */
  get mount(): string {
    return join(this.home, 'mount');
  }

  /** A folder beside it, which nothing may touch. */
  get outside(): string {
    return join(this.home, 'outside');
  }

  storage(mirror: Partial<MirrorInput> = {}, rest: Partial<StorageInput['storage']> = {}) {
    // Whoever runs the tests owns the files: only root could give them away.
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const own = { bucket: this.bucket, path: this.mount, mountPoint: false, uid, gid, ...mirror };
    return storageSchema.parse({ storage: { records: { bucket: this.bucket }, mirrors: [own], ...rest } }).storage;
  }

  async put(Key: string, Body = Key): Promise<void> {
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key, Body }));
  }

  async remove(Key: string): Promise<void> {
    await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key }));
  }

  mirror(key: string, mirror: Partial<MirrorInput> = {}) {
    return this.mirroring.mirrorKey(this.storage(mirror), { bucket: this.bucket, key });
  }

  /** Writes a file below the mount, by hand. */
  async file(path: string, content = path): Promise<void> {
    await mkdir(dirname(join(this.mount, path)), { recursive: true });
    await writeFile(join(this.mount, path), content);
  }

  /** What is on the mount, the folder for files under way apart. */
  async files(): Promise<Record<string, string | null>> {
    return filesUnder(this.mount);
  }

  /** A purge of these targets. */
  async work(targets: readonly TargetLine[], rest: Partial<PurgeWork> = {}): Promise<PurgeWork> {
    const key = `_perennial/targets/${randomUUID()}`;
    await this.put(key, targets.map((target) => `${JSON.stringify(target)}\n`).join(''));
    return {
      ref: { request: 'r-1', execution: randomUUID(), startedAt: new Date().toISOString() },
      storage: this.storage(),
      targetsUri: `s3://${this.bucket}/${key}`,
      options: {},
      ...rest,
    };
  }

  async close(): Promise<void> {
    this.s3.destroy();
    await rm(this.home, { recursive: true, force: true });
  }
}
