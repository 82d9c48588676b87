import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { MockActivityEnvironment } from '@temporalio/testing';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStorageActivities } from '../../activities/storage/index.js';
import { MESSAGES, WORKFLOWS } from '../../contracts/runs.js';
import { defaultStorage, storageSchema } from '../../contracts/storage/index.js';
import { STORAGE_ID, type StorageState } from '../../contracts/storage/state.js';
import { script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const declaredStorage = () =>
  new MockActivityEnvironment({}, { client: env.client }).run(createStorageActivities().declaredStorage);

it('holds what is declared, in its memo too, across continue-as-new, and ends when nothing is any more', async () => {
  await withWorker(env, script().activities, async (taskQueue) => {
    const bucket = `b-${randomUUID()}`;
    const [first, second] = [defaultStorage(bucket), { ...defaultStorage(bucket), purge: { confirmAbove: 7 } }];
    expect(await declaredStorage()).toEqual({});

    const apply = (storage: StorageState['storage']) =>
      env.client.workflow.executeUpdateWithStart(MESSAGES.apply, {
        args: [storage],
        startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOWS.storage, {
          workflowId: STORAGE_ID,
          taskQueue,
          args: [{ storage }],
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      });
    await apply(first);
    expect(await declaredStorage()).toEqual({ storage: first });
    expect(await apply(first)).toEqual({ changed: false });
    expect(await apply(second)).toEqual({ changed: true });
    expect(await declaredStorage()).toEqual({ storage: second });

    const handle = env.client.workflow.getHandle(STORAGE_ID);
    const { runId } = await handle.describe();
    let wanted = second;
    while ((await handle.describe()).runId === runId) {
      wanted = { ...second, purge: { confirmAbove: wanted.purge.confirmAbove + 1 } };
      await handle.executeUpdate(MESSAGES.apply, { args: [wanted] });
    }
    expect(await handle.query<StorageState>(MESSAGES.status)).toEqual({ storage: wanted });
    expect(await declaredStorage()).toEqual({ storage: wanted });

    await handle.executeUpdate(MESSAGES.apply, { args: [null] });
    await handle.result();
    expect(await declaredStorage()).toEqual({});
    await apply(first);
    expect(await declaredStorage()).toEqual({ storage: first });
    await handle.terminate();
    expect(await declaredStorage()).toEqual({});
  });
});

it('takes as undeclared what the schema fills in', () => {
  expect(defaultStorage('my-bucket')).toEqual(
    storageSchema.parse({ storage: { records: { bucket: 'my-bucket' } } }).storage,
  );
});
