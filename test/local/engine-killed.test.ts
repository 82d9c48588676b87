import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { CreateTrainingJobCommand, DescribeTrainingJobCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { awsClients } from '../support/aws.js';
import { temporaryFolder } from '../support/local.js';
import { engineName, inContainers, leftOf, withoutEngine } from './fixtures/engine.js';
import { probeImage, trainingRequest, until } from './fixtures/sagemaker.js';
import { urlOf } from './fixtures-kill/mortal-server.js';

const MAIN = fileURLToPath(new URL('../../dist/local/sagemaker/main.js', import.meta.url));

describe.skipIf(withoutEngine)(`a server that is killed${withoutEngine ? `: ${withoutEngine}` : ''}`, () => {
  const servers: ChildProcess[] = [];
  afterEach(() => servers.forEach((server) => server.kill('SIGKILL')));

  it('leaves neither container nor network, and takes its job up again at the next start', async () => {
    const stateDir = await temporaryFolder();
    const bucket = `engine-${Math.random().toString(36).slice(2)}`;
    await awsClients(inject('aws').endpoint).s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const start = async (): Promise<[ChildProcess, SageMakerClient]> => {
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
    };
    const [first, client] = await start();
    const request = trainingRequest(
      { bucket },
      'two-hosts',
      { sleepMs: '5000' },
      {
        ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 2, VolumeSizeInGB: 5 },
      },
    );
    await client.send(new CreateTrainingJobCommand(request));
    // Two containers and their network.
    await until(async () => ((await leftOf(stateDir)).length === 3 ? true : undefined), 'its containers');
    first.kill('SIGKILL');
    await once(first, 'exit');
    await until(async () => ((await leftOf(stateDir)).length === 0 ? true : undefined), 'the end of its containers');

    const [second, again] = await start();
    const ended = await until(async () => {
      const job = await again.send(new DescribeTrainingJobCommand({ TrainingJobName: 'two-hosts' }));
      return job.TrainingJobStatus === 'InProgress' ? undefined : job;
    }, 'the job to end');
    expect(ended.TrainingJobStatus).toBe('Completed');
    second.kill('SIGTERM');
    await once(second, 'exit');
    expect(await leftOf(stateDir)).toEqual([]);
  });
});
