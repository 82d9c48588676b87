import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { CreateTrainingJobCommand, DescribeTrainingJobCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { awsClients } from '../support/aws.js';
import { temporaryFolder } from '../support/local.js';
import { engineName, inContainers, leftOf, withoutEngine } from './fixtures/engine.js';
import { probeImage, trainingRequest, until } from './fixtures/sagemaker.js';
import { urlOf } from './fixtures-kill/mortal-server.js';

const MAIN = fileURLToPath(new URL('../../dist/local/sagemaker/main.js', import.meta.url));

describe.skipIf(withoutEngine)(`a server that is killed${withoutEngine ? `: ${withoutEngine}` : ''}`, () => {
  const servers: ChildProcess[] = [];
  afterEach(() => servers.forEach((server) => server.kill('SIGKILL')));

  const bucket = `engine-${Math.random().toString(36).slice(2)}`;
  beforeAll(() => awsClients(inject('aws').endpoint).s3.send(new CreateBucketCommand({ Bucket: bucket })));

  async function start(stateDir: string): Promise<[ChildProcess, SageMakerClient]> {
    const child = spawn(process.execPath, [MAIN], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: inject('aws').endpoint,
        SAGEMAKER_LOCAL_STATE_DIR: stateDir,
        SAGEMAKER_LOCAL_IMAGES: JSON.stringify({ probe: probeImage }),
        SAGEMAKER_LOCAL_ENGINE: engineName,
        SAGEMAKER_LOCAL_BUILD_ARGS: JSON.stringify(inContainers.engine.buildArgs),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    servers.push(child);
    const endpoint = await urlOf(child);
    child.stdout?.resume();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    return [child, new SageMakerClient({ endpoint, region: 'us-east-1', credentials })];
  }

  /** Starts a server and a job of two hosts, and kills the server once their containers and network are there. */
  async function killed(stateDir: string, job: string): Promise<void> {
    const [server, client] = await start(stateDir);
    const ResourceConfig = { InstanceType: 'ml.m5.large' as const, InstanceCount: 2, VolumeSizeInGB: 5 };
    const request = trainingRequest({ bucket }, job, { sleepMs: '5000' }, { ResourceConfig });
    await client.send(new CreateTrainingJobCommand(request));
    await until(async () => ((await leftOf(stateDir)).length === 3 ? true : undefined), 'its containers');
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  async function goesOn(stateDir: string, TrainingJobName: string): Promise<void> {
    const [server, client] = await start(stateDir);
    const ended = await until(async () => {
      const job = await client.send(new DescribeTrainingJobCommand({ TrainingJobName }));
      return job.TrainingJobStatus === 'InProgress' ? undefined : job;
    }, 'the job to end');
    expect(ended.TrainingJobStatus).toBe('Completed');
    server.kill('SIGTERM');
    await once(server, 'exit');
    expect(await leftOf(stateDir)).toEqual([]);
  }

  it('leaves neither container nor network, and takes its job up again at the next start', async () => {
    const stateDir = await temporaryFolder();
    await killed(stateDir, 'left-alone');
    await until(async () => ((await leftOf(stateDir)).length === 0 ? true : undefined), 'the end of its containers');
    await goesOn(stateDir, 'left-alone');
  });

  it('is followed by a start at once, while its containers are being removed', async () => {
    const stateDir = await temporaryFolder();
    await killed(stateDir, 'at-once');
    await goesOn(stateDir, 'at-once');
  });
});
