import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { ActivityCancellationDetails } from '@temporalio/common';
import { afterEach, describe, expect, it } from 'vitest';
import type { CopiesErased } from '../../contracts/purge/index.js';
import { MountWorld } from './support/mount-world.js';

let mounts: MountWorld | undefined;
afterEach(async () => {
  await mounts?.close();
  mounts = undefined;
});

/** An activity's environment that is cancelled by its n-th heartbeat. */
function cancelledAt(beat: number, by: 'person' | 'shutdown' = 'person'): MockActivityEnvironment {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  let beats = 0;
  environment.on('heartbeat', () => {
    if ((beats += 1) !== beat) return;
    if (by === 'person') environment.cancel();
    else environment.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
  });
  return environment;
}

describe('what is cancelled in the middle', () => {
  it('answers the copies on mounts that are gone by then', async () => {
    mounts = await MountWorld.make();
    const names = Array.from({ length: 200 }, (_, index) => `p/${index}`);
    for (const name of names) await mounts.file(name);
    const of = await mounts.work([{ bucket: mounts.bucket, prefix: 'p/' }]);
    const gone = (await cancelledAt(1).run(mounts.activities.eraseCopies, of)) as CopiesErased;
    const left = Object.keys(await mounts.files()).length;
    expect(left).toBeGreaterThan(0);
    expect(gone).toMatchObject({ files: names.length - left, mounts: [{ path: mounts.mount, files: gone.files }] });
    await expect(cancelledAt(1, 'shutdown').run(mounts.activities.eraseCopies, of)).rejects.toThrow();
    await expect(cancelledAt(1).run(mounts.activities.verifyCopies, of)).rejects.toThrow();
  });
});
