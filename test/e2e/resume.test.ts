import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseS3Uri } from '../../contracts/names.js';
import type { Outcome, RunReceipt } from '../../contracts/runs.js';
import { call, type Called } from '../client/terminal.js';
import { until } from '../support/local.js';
import { RunWorld } from '../support/run-world.js';

let world: RunWorld;
beforeAll(async () => {
  world = await RunWorld.make();
}, 60_000);
afterAll(() => world.close(), 30_000);

const endpoints = (action: 'complete' | 'fail') => world.aws.rule({ kind: 'endpoint', action });
const jobs = (rule: { action: 'complete' | 'fail' } | { action: 'slow'; delayMs: number; times: number }) =>
  world.aws.rule({ kind: 'training-job', ...rule });
beforeEach(async () => {
  await endpoints('complete');
  await jobs({ action: 'complete' });
});
afterEach(() => world.aws.clearRules());

/** From now on these rules hold, and no others. */
async function rulesAre(...rules: Promise<void>[]): Promise<void> {
  await Promise.all(rules);
}

interface Resumed extends RunReceipt {
  readonly resumes: string;
  readonly from: string;
  readonly outcome: Outcome;
  readonly reason: string;
}

const perennial = (...argv: string[]): Promise<Called> => call(world.env, argv);

/** `perennial resume --follow` to its end. */
async function resume(run: string): Promise<Resumed> {
  const { json, err } = await perennial('resume', run, '--follow', '--json');
  const answer = json<Resumed & { error?: string }>();
  if (answer.error !== undefined) throw new Error(`${answer.error}\n${err}`);
  return answer;
}

async function refused(run: string): Promise<string> {
  const { code, json } = await perennial('resume', run, '--json');
  expect(code).toBe(1);
  return json<{ error: string }>().error;
}

/** A run whose model could not be deployed. */
async function failedInDeployment(request: object = {}): Promise<{ model: string; run: string }> {
  await world.aws.clearRules();
  await rulesAre(jobs({ action: 'complete' }), endpoints('fail'));
  const model = await world.model();
  const { run } = await world.play(model, request);
  expect(await world.outcome(run)).toMatchObject({ outcome: 'Failed', failureType: 'EndpointFailed' });
  await world.aws.clearRules();
  await rulesAre(jobs({ action: 'complete' }), endpoints('complete'));
  return { model, run };
}

describe('a run that failed while it deployed', () => {
  it('goes on as a new run that names it, without a second training', async () => {
    const { model, run } = await failedInDeployment();
    expect((await perennial('show', run)).out).toContain(`perennial resume ${run}\` goes on without a second training`);
    const resumed = await resume(model);
    expect(resumed).toMatchObject({ resumes: run, from: 'deploy', outcome: 'Deployed' });
    const [first, second] = [await world.outcome(run), await world.outcome(resumed.run)];
    expect(second).toMatchObject({ resumes: run, trainingJob: first?.trainingJob, asOf: first?.asOf });
    expect(second?.fileRecordUri).not.toBe(first?.fileRecordUri);
    expect(second?.billableSeconds).toBeUndefined();
    expect(await world.jobs(resumed.run)).toEqual([]);
    expect(await world.endpoint(model)).toMatchObject({ EndpointConfigName: second?.endpointConfig });
    expect(world.notices(resumed.run).map(({ kind, request }) => [kind, request.resume])).toEqual([
      ['deploying', run],
      ['ended', run],
    ]);
    expect((await perennial('show', resumed.run)).out).toMatch(new RegExp(`resumes +${run}`));
    expect((await world.run(resumed.run).fetchHistory()).events?.length).toBeLessThanOrEqual(100);
  });

  it('is what the next run compares with: nothing new', async () => {
    const { model, run } = await failedInDeployment();
    await resume(run);
    expect((await world.play(model)).end).toMatchObject({ outcome: 'NoNewData' });
  });

  it('takes the definition as it is by then, where that makes no other model', async () => {
    const { model, run } = await failedInDeployment();
    const role = 'arn:aws:iam::000000000000:role/another';
    const smokeTest = { body: '1,2\n', contentType: 'text/csv' };
    await world.apply(model, { role, endpoint: { instanceType: 'ml.m5.xlarge', smokeTest } });
    expect(await resume(run)).toMatchObject({ from: 'deploy', outcome: 'Deployed' });
    expect((await world.play(model)).end).toMatchObject({ outcome: 'NoNewData' });
  });

  it('can fail again, be terminated, and be resumed again: still one training', async () => {
    const { model, run } = await failedInDeployment();
    await world.aws.clearRules();
    await endpoints('fail');
    const second = await resume(run);
    expect(second.outcome).toBe('Failed');
    await world.aws.clearRules();
    await endpoints('complete');
    const held = world.hold('CreateModel', 'before');
    const third = (await perennial('resume', second.run, '--json')).json<Resumed>();
    await held.reached;
    await world.run(third.run).terminate('by the test');
    held.release();
    const fourth = await resume(third.run);
    expect(fourth).toMatchObject({ from: 'deploy', outcome: 'Deployed', resumes: third.run });
    const all = await Promise.all([run, second.run, third.run, fourth.run].map((one) => world.jobs(one)));
    expect(all.flat()).toHaveLength(1);
    expect(await world.endpoint(model)).toMatchObject({ EndpointStatus: 'InService' });
  });
});

describe('a run that came to less', () => {
  it('and was terminated while it trained: its job is waited for', async () => {
    await world.aws.clearRules();
    await rulesAre(jobs({ action: 'slow', delayMs: 4_000, times: 1 }), endpoints('complete'));
    const model = await world.model();
    const run = await world.request(model);
    await until('the job', async () => (await world.jobs(run)).some(({ status }) => status === 'InProgress'));
    await world.run(run).terminate('by the test');
    expect((await perennial('show', run)).out).toContain(`perennial resume ${run}`);
    const resumed = await resume(run);
    expect(resumed).toMatchObject({ from: 'await', outcome: 'Deployed' });
    expect((await world.outcome(resumed.run))?.trainingJob).toBe((await world.jobs(run))[0]?.name);
    expect(await world.jobs(resumed.run)).toEqual([]);
  });

  it('and failed in training: trains again on the same files, whatever came since', async () => {
    await world.aws.clearRules();
    await jobs({ action: 'fail' });
    const model = await world.model();
    const { run } = await world.play(model, { asOf: '2026-01-01' });
    await world.aws.clearRules();
    await rulesAre(jobs({ action: 'complete' }), endpoints('complete'));
    await world.upload(model, '2026-01-02');
    const resumed = await resume(run);
    expect(resumed).toMatchObject({ from: 'train', outcome: 'Deployed' });
    const [first, second] = [await world.outcome(run), await world.outcome(resumed.run)];
    expect([second?.dataHash, second?.asOf, second?.files]).toEqual([first?.dataHash, '2026-01-01', 1]);
    expect(await world.jobs(resumed.run)).toMatchObject([{ status: 'Completed' }]);
  });

  it('and failed before its snapshot: looks again as of its date', async () => {
    const model = await world.model({ data: { bucket: world.aws.bucket, prefix: 'data/none/' } });
    const { run } = await world.play(model, { asOf: '2026-01-01', force: true });
    expect(await world.outcome(run)).toMatchObject({ failureType: 'DataInvalid' });
    await world.apply(model, {});
    await world.upload(model, '2026-01-02');
    const resumed = await resume(run);
    expect(resumed).toMatchObject({ from: 'check data', outcome: 'Deployed' });
    expect(await world.outcome(resumed.run)).toMatchObject({ files: 1, asOf: '2026-01-01' });
  });

  it('and was asked not to deploy: is deployed', async () => {
    const model = await world.model();
    const { run } = await world.play(model, { noDeploy: true });
    expect(await resume(run)).toMatchObject({ from: 'deploy', outcome: 'Deployed' });
  });

  it('and had settings of its own: keeps them', async () => {
    const set = ['training.hyperparameters.epochs=3'];
    const training = {
      algorithm: 'linear-learner',
      hyperparameters: { predictor_type: 'regressor', epochs: 3 },
    } as const;
    const definition = world.definition('unused', { training });
    await world.aws.clearRules();
    await rulesAre(jobs({ action: 'complete' }), endpoints('fail'));
    const model = await world.model();
    const { run } = await world.play(model, { definition: { ...definition, ...named(model) }, set });
    await world.aws.clearRules();
    await endpoints('complete');
    expect(await resume(run)).toMatchObject({ from: 'deploy', outcome: 'Deployed' });
  });
});

/** What of a definition comes from its name. */
const named = (model: string) => {
  const { name, data, endpoint } = world.definition(model);
  return { name, data, endpoint };
};

describe('a run can’t be resumed', () => {
  it('that still runs, and then that was deployed', async () => {
    const model = await world.model();
    const held = world.hold('CreateTrainingJob', 'before');
    const run = await world.request(model);
    await held.reached;
    expect(await refused(run)).toContain('is still running');
    held.release();
    await world.end(run);
    expect(await refused(run)).toContain('was deployed, so there is nothing to resume');
  });

  it('that found nothing new', async () => {
    const model = await world.model();
    await world.play(model);
    const { run } = await world.play(model);
    expect(await refused(run)).toContain('found nothing new');
  });

  it('whose training the definition would do otherwise by now', async () => {
    const { model, run } = await failedInDeployment();
    const hyperparameters = { predictor_type: 'regressor', epochs: 7 };
    await world.apply(model, { training: { algorithm: 'linear-learner', hyperparameters } });
    expect(await refused(run)).toMatch(/other values of training.hyperparameters than the definition has now/);
    expect((await world.entity(model).query<{ queue: unknown[] }>('status')).queue).toEqual([]);
  });

  it('whose data changed, or went', async () => {
    const { model, run } = await failedInDeployment();
    await world.upload(model, '2026-01-01', '9.5,2,3\n');
    expect(await refused(run)).toMatch(/1 files changed and 0 are no longer in the window/);
  });

  it('whose artefact is gone', async () => {
    const { run } = await failedInDeployment();
    const { bucket, key } = parseS3Uri((await world.outcome(run))?.artifactUri ?? '');
    await world.aws.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    expect(await refused(run)).toMatch(/model.tar.gz, the artefact of training job .* is gone/);
  });

  it('since whom a later one was deployed', async () => {
    const { model, run } = await failedInDeployment();
    const { run: later } = await world.play(model, { force: true });
    expect(await refused(run)).toContain(`${later} was deployed since`);
  });

  it('of which nothing is known', async () => {
    const model = await world.model();
    expect(await refused(`retrain/${model}/2026-01-01T00:00:00.000Z`)).toContain('Nothing is known of');
  });
});
