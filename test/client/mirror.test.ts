import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReconcileResult } from '../../contracts/storage/state.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { storageSchema } from '../../contracts/storage/index.js';
import { clientEnvironment, type ClientEnvironment } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterAll(() => at.close());

const perennial = (...argv: string[]) => call(at.env, argv);
const FILE = `storage:
  records: { bucket: my-bucket }
  mirrors:
    - { bucket: my-bucket, prefix: data/, path: /mnt/one }
    - { bucket: my-bucket, prefix: more/, path: /mnt/two }
`;

it('compares and repairs what is declared', async () => {
  expect((await perennial('mirror', 'check')).out).toContain('no mirror is declared');
  await call(at.env, ['apply', await temporaryFolder({ 'storage.yaml': FILE })]);

  const asked: boolean[] = [];
  const difference = { bucket: 'my-bucket', prefix: 'data/', examined: 10, removed: 1, bytes: 2_000 };
  at.override({
    reconcileMirror: async ({ storage, mirror, dryRun }) => {
      asked.push(dryRun);
      const { path } = storage.mirrors[mirror] ?? { path: 'none' };
      const conflicts: Record<string, number> = mirror === 1 ? { 'file with other links': 3 } : {};
      const leftOut: Record<string, number> = mirror === 1 ? { 'purged (request R-17)': 2 } : {};
      return { ...difference, path, copied: mirror, conflicts, leftOut };
    },
  });
  const check = await perennial('mirror', 'check');
  expect(check.code).toBe(1);
  expect(check.out).toMatch(/s3:\/\/my-bucket\/data\/ +\/mnt\/one +10 +0 +1/);
  expect(check.out).toContain('/mnt/two: 3 × file with other links');
  expect(check.out).toMatch(/left out on purpose.*\n.*\/mnt\/two: 2 × purged \(request R-17\)/);
  expect(check.out).toContain('3 differences: `perennial mirror repair`');
  expect((await perennial('mirror', 'check', '--json')).json()).toMatchObject({
    dryRun: true,
    mirrors: [{ toCopy: 0, toRemove: 1 }, { toCopy: 1 }],
  });
  expect((await perennial('mirror', 'check', '--json')).out).not.toContain('removed');
  const repair = await perennial('mirror', 'repair', '--json');
  expect(repair.code).toBe(0);
  expect(repair.json<ReconcileResult>().mirrors.map(({ path, copied }) => [path, copied])).toEqual([
    ['/mnt/one', 0],
    ['/mnt/two', 1],
  ]);
  expect(asked).toEqual([true, true, true, true, true, true, false, false]);
});

it('reconciles the other mirrors where one can not be, and then fails with its reason', async () => {
  const done: number[] = [];
  at.override({
    declaredStorage: async () => ({ storage: storageSchema.parse({ storage: STORAGE }).storage }),
    reconcileMirror: async ({ mirror, dryRun }) => {
      if (mirror === 0) throw ApplicationFailure.nonRetryable('nothing is mounted at /mnt/one', 'ResourceMissing');
      done.push(mirror);
      return {
        bucket: 'b',
        prefix: '',
        path: '/mnt/two',
        examined: 1,
        copied: 0,
        removed: 0,
        bytes: 0,
        conflicts: { dryRun: Number(dryRun) },
      };
    },
  });
  const ended = at.client.workflow.execute(WORKFLOWS.reconcile, {
    workflowId: 'reconcile-by-schedule',
    taskQueue: at.env['PERENNIAL_TASK_QUEUE'] ?? '',
    args: [{}],
  });
  await expect(ended).rejects.toMatchObject({ cause: { cause: { message: 'nothing is mounted at /mnt/one' } } });
  expect(done).toEqual([1]);
});

const STORAGE = {
  records: { bucket: 'my-bucket' },
  mirrors: [
    { bucket: 'my-bucket', prefix: 'data/', path: '/mnt/one' },
    { bucket: 'my-bucket', prefix: 'more/', path: '/mnt/two' },
  ],
};
