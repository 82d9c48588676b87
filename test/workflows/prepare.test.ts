import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { runId } from '../../contracts/names.js';
import type { PrepareActivities, PreparePreview } from '../../contracts/prepare.js';
import type { Preview } from '../../contracts/questions.js';
import { MESSAGES, type RunProgress, type RunRequest } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { PREPARE, PREPARED, scriptedPrepare } from '../support/scripted-prepare.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const FIRST = 'retrain/example/2025-12-31T00:00:00.000Z';
const definition = exampleDefinition({ prepare: PREPARE });
let runs = 0;

async function play(
  request: Partial<RunRequest>,
  overrides: Partial<Activities> = {},
  preparing: Partial<PrepareActivities> = {},
) {
  const scripted = script(overrides);
  const prepare = scriptedPrepare(preparing);
  const runTime = new Date(Date.UTC(2026, 0, 1) + (runs += 1)).toISOString();
  const input = { runTime, definition, request: { trigger: 'manual', asOf: '2026-01-01', ...request }, entity: false };
  const body = async (taskQueue: string) => {
    const workflowId = runId('example', runTime);
    const handle = await env.client.workflow.start('retrain', { taskQueue, workflowId, args: [input] });
    const failure = await handle.result().then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof WorkflowFailedError) return error.cause;
        throw error;
      },
    );
    return { failure, progress: await handle.query<RunProgress>(MESSAGES.progress) };
  };
  const ended = await withWorker(env, scripted.activities, body, prepare.activities);
  return { ...ended, outcome: scripted.outcomes[0], asked: prepare.calls, calls: scripted.calls };
}

const withoutSnapshot = (prepared?: ResumedPrepared): Partial<Activities> => ({
  planResume: async ({ resume }) => ({ from: 'check data', reason: `${resume} came to none`, ...prepared }),
});
type ResumedPrepared = Pick<Awaited<ReturnType<Activities['planResume']>>, 'prepared'>;

describe('a run whose data a warehouse prepares', () => {
  it('keeps what that came to, and says so as it goes', async () => {
    const { progress, outcome, asked } = await play({});
    expect(asked).toEqual(['loadWarehouse', 'checkWarehouse', 'exportQuery', 'publishExport']);
    expect(progress.prepared).toEqual(PREPARED);
    expect(progress.notes.slice(0, 4)).toEqual([
      expect.stringMatching(
        /^asks cluster warehouse, database dev for the data of 2026-01-01; .* tag `perennial\/example\/20260101T\d+Z\/…`$/,
      ),
      '100 rows were loaded into `sales`',
      '1 check held: sales 100',
      expect.stringMatching(/^98 rows were exported to `s3:.*2 left out as an erasure request asks$/),
    ]);
    expect(outcome).toMatchObject({ outcome: 'Deployed', prepared: PREPARED });
    expect(Object.keys(outcome?.stages ?? {})[0]).toBe('prepare');
  });

  it('takes back what it exported when it fails, and advises no resumption of nothing', async () => {
    const checkWarehouse = async () => Promise.reject(raise('DataInvalid', '1 of 1 checks failed: "sales" is 0'));
    const { progress, outcome, asked, failure } = await play({}, {}, { checkWarehouse });
    expect(failure).toMatchObject({
      type: 'DataInvalid',
      message: expect.stringMatching(/^prepare: 1 of 1/) as string,
    });
    expect(asked).toEqual(['loadWarehouse', 'checkWarehouse', 'discardExport']);
    expect(outcome).toMatchObject({ outcome: 'Failed', failureType: 'DataInvalid' });
    expect(progress.next).toBeUndefined();
  });

  it('advises to go on with the publication if it fails after that', async () => {
    const checkData = async () => Promise.reject(raise('AccessDenied', 's3:ListBucket'));
    const { progress } = await play({}, { checkData });
    expect(progress.next).toMatch(/^`perennial resume .*` goes on with the data that was prepared$/);
  });
});

describe('a run that takes up another', () => {
  it('uses what that published and asks no warehouse', async () => {
    const prepared = { ...PREPARED, by: FIRST };
    const { outcome, asked, calls, progress } = await play({ resume: FIRST }, withoutSnapshot({ prepared }));
    expect(asked).toEqual([]);
    expect(calls.slice(0, 2)).toEqual(['planResume', 'takeUp']);
    expect(outcome?.prepared).toEqual(prepared);
    expect(progress.notes[0]).toContain(`those that ${FIRST} prepared: the warehouse is not asked again`);
  });

  it.each([
    ['there is no publication', undefined],
    ['the publication is that of another date', { ...PREPARED, publishedTo: 's3://b/data/2025-12-31/' }],
  ])('asks the warehouse if %s', async (_, prepared) => {
    const { asked, outcome } = await play({ resume: FIRST }, withoutSnapshot(prepared && { prepared }));
    expect(asked).toContain('publishExport');
    expect(outcome?.prepared).not.toHaveProperty('by');
  });

  it('has nothing prepared where that had its snapshot, and may leave the endpoint alone all the same', async () => {
    const plans: unknown[] = [];
    const planResume: Activities['planResume'] = async (input) => {
      plans.push(input.noDeploy);
      return script().activities.planResume(input);
    };
    const { asked, outcome } = await play({ resume: FIRST, noDeploy: true }, { planResume });
    expect(asked).toEqual([]);
    expect(outcome).toMatchObject({ outcome: 'Trained' });
    expect([plans, outcome?.stages['prepare']]).toEqual([[true], undefined]);
  });
});

describe('a dry run', () => {
  const SEEN: Preview = {
    ...{
      wouldTrain: false,
      reasons: ['nothing changed'],
      asOf: '2026-01-01',
      files: 3,
      bytes: 30,
      added: 0,
      changed: 0,
    },
    ...{ removed: 0, image: 'i', instanceTypes: [], endpointAction: 'update', endpoint: 'example', warnings: [] },
  };
  const LOOK: PreparePreview = {
    ...{ warehouse: 'cluster warehouse, database dev', parameters: [], statements: [], checks: [], label: 'price' },
    ...{ exportTo: 's3://b/e/', publishTo: 's3://b/p/', published: 0, foreign: 0, problems: [] },
  };
  const preview = (look: Partial<PreparePreview>): Promise<Preview> => {
    const looks = { previewRun: async () => SEEN, previewPrepare: async () => ({ ...LOOK, ...look }) };
    return withWorker(env, script(looks).activities, (taskQueue) =>
      env.client.workflow.execute('preview', {
        ...{ taskQueue, workflowId: `preview-${(runs += 1)}` },
        args: [{ definition, request: { trigger: 'manual', asOf: '2026-01-01' } }],
      }),
    );
  };

  it.each<[string, Partial<PreparePreview>, Partial<Preview>, RegExp]>([
    [
      'trains on a date that is new',
      {},
      { wouldTrain: true, endpointAction: 'update' },
      /data of 2026-01-01 first, which is new/,
    ],
    [
      'may not on one that was published',
      { published: 1 },
      { wouldTrain: false, endpointAction: 'none' },
      /other rows .* are news/,
    ],
    ['does not beside what no export made', { foreign: 2 }, { wouldTrain: false }, /2 objects that no export made/],
    ['does not with what is wrong', { problems: ['no such cluster'] }, { wouldTrain: false }, /^no such cluster$/],
  ])('%s', async (_, look, wanted, reason) => {
    const found = await preview(look);
    expect(found).toMatchObject({ ...wanted, prepare: look });
    expect(found.reasons[0]).toMatch(reason);
  });
});
