import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateEndpointCommand,
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DescribeTrainingJobCommand,
  ListTagsCommand,
  StopTrainingJobCommand,
  UpdateEndpointCommand,
} from '@aws-sdk/client-sagemaker';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { Context } from '../../local/sagemaker/context.js';
import { openStore } from '../../local/sagemaker/store.js';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';
import { Harness } from './fixtures-serve/harness.js';

afterEach(() => vi.restoreAllMocks());

/** Fills the disk for the writes of a kind from the nth on, until it is told that there is room; counts what it refused. */
function fillDisk({ store }: Context, kind: string, from = 1) {
  const disk = { full: true, refused: 0, seen: 0 };
  const put = store.put.bind(store);
  vi.spyOn(store, 'put').mockImplementation((written, name, record) => {
    if (written === kind) disk.seen += 1;
    if (written === kind && disk.full && disk.seen >= from) {
      disk.refused += 1;
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
    put(written, name, record);
  });
  return disk;
}

describe('the store', () => {
  it('keeps what it had, and nothing half written, when a write fails', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'full-'));
    const store = openStore(dir);
    store.put('model', 'a', { n: 1 });
    // Nothing can be renamed onto a folder: the write fails when it is all but done, for root as well.
    mkdirSync(join(dir, 'model', 'b.json'));
    expect(() => store.put('model', 'b', { n: 2 })).toThrow(/b\.json/);
    expect(store.get('model', 'b')).toBeUndefined();
    expect(readdirSync(join(dir, 'model')).sort()).toEqual(['a.json', 'b.json']);
    rmdirSync(join(dir, 'model', 'b.json'));
    expect(openStore(dir).list('model')).toEqual([{ n: 1 }]);
    await rm(dir, { recursive: true });
  });
});

describe('a training job on a full disk', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());
  const Tags = [{ Key: 'run', Value: 'r' }];
  const create = (name: string, hyperparameters = {}) =>
    fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, name, hyperparameters, { Tags })));

  it('is not created, and can be once there is room', async () => {
    const disk = fillDisk(fixture.server.ctx, 'training-job');
    await expect(create('unborn')).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    const describeJob = new DescribeTrainingJobCommand({ TrainingJobName: 'unborn' });
    await expect(fixture.client.send(describeJob)).rejects.toThrow('Requested resource not found.');
    disk.full = false;
    const { TrainingJobArn: ResourceArn } = await create('unborn');
    expect(await fixture.job('unborn')).toMatchObject({ TrainingJobStatus: 'Completed' });
    expect((await fixture.client.send(new ListTagsCommand({ ResourceArn }))).Tags).toEqual(Tags);
  });

  it.each([2, 3, 4, 5])('ends as soon as its end can be stored: write %i fails', async (nth) => {
    const name = `fills-${nth}`;
    const disk = fillDisk(fixture.server.ctx, 'training-job', nth);
    await create(name);
    await vi.waitFor(() => expect(disk.refused).toBeGreaterThan(1), 10_000);
    const { TrainingJobStatus } = await fixture.job(name, () => true);
    expect(TrainingJobStatus).toBe('InProgress');
    expect(await readdir(join(fixture.stateDir, 'processes'))).toEqual([]);
    disk.full = false;
    // The last write alone is the end itself; what could not be stored before it failed the job.
    const status = nth === 5 ? 'Completed' : 'Failed';
    expect(await fixture.job(name)).toMatchObject({ TrainingJobStatus: status });
  });

  it('is not Stopping if that can not be stored, and goes on', async () => {
    await create('unstopped', { sleepMs: '60000' });
    await fixture.job('unstopped', (job) => job.SecondaryStatus === 'Training');
    const disk = fillDisk(fixture.server.ctx, 'training-job');
    const stop = () => fixture.client.send(new StopTrainingJobCommand({ TrainingJobName: 'unstopped' }));
    await expect(stop()).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    expect(await fixture.job('unstopped', () => true)).toMatchObject({ SecondaryStatus: 'Training' });
    disk.full = false;
    await stop();
    const stages = (await fixture.job('unstopped')).SecondaryStatusTransitions?.map(({ Status }) => Status);
    expect(stages).toEqual(['Starting', 'Downloading', 'Training', 'Stopping', 'Stopped']);
  });

  it('is left to the next start where the disk stays full until the end', async () => {
    const disk = fillDisk(fixture.server.ctx, 'training-job', 5);
    await create('left');
    await vi.waitFor(() => expect(disk.refused).toBeGreaterThan(0), 10_000);
    await fixture.restart();
    expect(await fixture.job('left')).toMatchObject({ TrainingJobStatus: 'Completed' });
  });
});

describe('an endpoint on a full disk', () => {
  const harness = new Harness(inject('aws').endpoint);
  beforeAll(async () => {
    await harness.start();
    await harness.config('old');
    await harness.config('new');
    await harness.endpoint('served', 'old');
  });
  afterAll(() => harness.close());
  const update = (config: string) =>
    harness.control.send(new UpdateEndpointCommand({ EndpointName: 'served', EndpointConfigName: config }));

  it('is not created, updated or deleted where that can not be stored, and serves on', async () => {
    const disk = fillDisk(harness.ctx, 'endpoint');
    const refused = { $metadata: { httpStatusCode: 500 } };
    const create = new CreateEndpointCommand({ EndpointName: 'unborn', EndpointConfigName: 'old' });
    await expect(harness.control.send(create)).rejects.toMatchObject(refused);
    await expect(update('new')).rejects.toMatchObject(refused);
    const remove = new DeleteEndpointCommand({ EndpointName: 'served' });
    await expect(harness.control.send(remove)).rejects.toMatchObject(refused);
    expect(await harness.describe('served')).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'old' });
    expect((await harness.invoke('served')).id).toBe('old');
    disk.full = false;
    await expect(harness.describe('unborn')).rejects.toThrow('Could not find endpoint');
    expect((await harness.endpoint('unborn', 'old')).EndpointStatus).toBe('InService');
  });

  it('finishes an update as soon as that can be stored', async () => {
    const disk = fillDisk(harness.ctx, 'endpoint', 2);
    await update('new');
    await vi.waitFor(() => expect(disk.refused).toBeGreaterThan(1), 10_000);
    expect((await harness.describe('served')).EndpointStatus).toBe('Updating');
    expect((await harness.invoke('served')).id).toBe('new');
    disk.full = false;
    expect(await harness.settled('served')).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'new' });
  });

  it('finishes a rollback as soon as that can be stored', async () => {
    await harness.rule({ kind: 'endpoint', action: 'fail', reason: 'as told', times: 1 });
    const disk = fillDisk(harness.ctx, 'endpoint', 2);
    await update('old');
    await vi.waitFor(() => expect(disk.refused).toBeGreaterThan(1), 10_000);
    expect((await harness.invoke('served')).id).toBe('new');
    disk.full = false;
    expect(await harness.settled('served')).toMatchObject({ EndpointConfigName: 'new', FailureReason: 'as told' });
  });
});
