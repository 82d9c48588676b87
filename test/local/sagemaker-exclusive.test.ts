import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTrainingJobCommand,
  DeleteTrainingJobCommand,
  ListTrainingJobsCommand,
  type ListTrainingJobsCommandInput,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startSageMaker } from '../../local/sagemaker/server.js';
import { executionParameters } from '../../local/sagemaker/transform/model-client.js';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const create = (name: string, hyperparameters: Record<string, string> = {}) =>
  fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, name, hyperparameters)));

describe('a second server', () => {
  const start = (stateDir: string, port = 0) =>
    startSageMaker(
      { ...fixture.server.ctx.config, stateDir, port },
      { env: { ...process.env, AWS_ENDPOINT_URL: inject('aws').endpoint } },
    );

  it('does not start on the state folder of one that runs, and leaves its programs alone', async () => {
    await create('running', { sleepMs: '1500' });
    await fixture.job('running', (job) => job.SecondaryStatus === 'Training');
    await expect(start(fixture.stateDir)).rejects.toThrow(`is in use by process ${process.pid}: stop it, or set`);
    expect(await fixture.job('running')).toMatchObject({ TrainingJobStatus: 'Completed' });
  });

  it('leaves nothing running and its folder free when its port is taken', async () => {
    await create('interrupted', { sleepMs: '60000' });
    await fixture.job('interrupted', (job) => job.SecondaryStatus === 'Training');
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    await fixture.restart(async () => {
      const { port } = taken.address() as AddressInfo;
      await expect(start(fixture.stateDir, port)).rejects.toThrow(`port ${port} is taken`);
      expect(await readdir(join(fixture.stateDir, 'processes'))).toEqual([]);
    });
    taken.close();
    expect(await fixture.job('interrupted', () => true)).toMatchObject({ TrainingJobStatus: 'InProgress' });
  });

  it('runs beside the first on a folder of its own', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'sagemaker-second-'));
    const server = await start(stateDir);
    await server.close();
    await rm(stateDir, { recursive: true });
  });
});

describe('a list', () => {
  it('shows each resource once, though those shown are deleted between two pages', async () => {
    await fixture.rule({ kind: 'training-job', match: '^page-', action: 'complete' });
    for (let i = 0; i < 7; i++) await create(`page-${i}`);
    for (const SortBy of ['Name', 'CreationTime', 'Status'] as const) {
      await create(`page-${SortBy}`);
      const names: (string | undefined)[] = [];
      const input: ListTrainingJobsCommandInput = { NameContains: 'page-', MaxResults: 3, SortBy };
      do {
        const answer = await fixture.client.send(new ListTrainingJobsCommand(input));
        input.NextToken = answer.NextToken;
        for (const { TrainingJobName } of answer.TrainingJobSummaries ?? []) {
          names.push(TrainingJobName);
          await fixture.client.send(new DeleteTrainingJobCommand({ TrainingJobName }));
        }
      } while (input.NextToken !== undefined);
      expect(names.sort()).toEqual([...Array.from({ length: 7 }, (_, i) => `page-${i}`), `page-${SortBy}`].sort());
      for (let i = 0; i < 7; i++) await create(`page-${i}`);
    }
  });
});

describe("a program's execution parameters", () => {
  it('are understood in the form that containers answer', async () => {
    const answer = { BatchStrategy: 'SINGLE_RECORD', MaxConcurrentTransforms: 3, MaxPayloadInMB: 2 };
    const program = createHttp((_, res) => res.end(JSON.stringify(answer))).listen(0, '127.0.0.1');
    await once(program, 'listening');
    const url = `http://127.0.0.1:${(program.address() as AddressInfo).port}`;
    const request = { TransformJobName: 't', ModelName: 'm' } as Parameters<typeof executionParameters>[1];
    const expected = { maxConcurrent: 3, maxPayloadBytes: 2 * 1024 * 1024, strategy: 'SingleRecord' };
    expect(await executionParameters(url, request)).toEqual(expected);
    program.closeAllConnections();
    program.close();
  });
});
