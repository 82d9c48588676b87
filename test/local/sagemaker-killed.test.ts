import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  DescribeTrainingJobCommand,
  ListTagsCommand,
  UpdateEndpointCommand,
  type DeploymentConfig,
} from '@aws-sdk/client-sagemaker';
import { InvokeEndpointCommand } from '@aws-sdk/client-sagemaker-runtime';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { awsClients } from '../support/aws.js';
import { MortalServer, type Death } from './fixtures-kill/mortal-server.js';
import { ROLE, trainingRequest, until } from './fixtures/sagemaker.js';

const server = new MortalServer(inject('aws').endpoint);
const { s3 } = awsClients(inject('aws').endpoint);
const bucket = `killed-${Math.random().toString(36).slice(2)}`;
const Tags = [{ Key: 'run', Value: 'r' }];

beforeAll(async () => {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const dir = await mkdtemp(join(tmpdir(), 'model-'));
  await writeFile(join(dir, 'id.txt'), 'it');
  const Body = await create({ gzip: true, cwd: dir }, ['id.txt']).concat();
  await rm(dir, { recursive: true });
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'model.tar.gz', Body }));
  await server.start();
  for (const name of ['old', 'new']) {
    await createModel(name);
    await createConfig(name);
  }
});
afterAll(async () => {
  await server.close();
  s3.destroy();
});

const createModel = (name: string) =>
  server.control.send(
    new CreateModelCommand({
      ModelName: name,
      ExecutionRoleArn: ROLE,
      PrimaryContainer: { Image: 'echo', ModelDataUrl: `s3://${bucket}/model.tar.gz` },
      Tags,
    }),
  );
const createConfig = (name: string, model = name) =>
  server.control.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: name,
      ProductionVariants: [
        { VariantName: 'v', ModelName: model, InstanceType: 'ml.m5.large', InitialInstanceCount: 1 },
      ],
      Tags,
    }),
  );
const createJob = (name: string) =>
  server.control.send(new CreateTrainingJobCommand(trainingRequest({ bucket }, name, {}, { Tags })));
const createEndpoint = (EndpointName: string) =>
  server.control.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: 'old', Tags }));
const describeEndpoint = (EndpointName: string) => server.control.send(new DescribeEndpointCommand({ EndpointName }));
const update = (EndpointName: string, DeploymentConfig?: DeploymentConfig) =>
  server.control.send(new UpdateEndpointCommand({ EndpointName, EndpointConfigName: 'new', DeploymentConfig }));
const remove = (EndpointName: string) => server.control.send(new DeleteEndpointCommand({ EndpointName }));
const invoke = async (EndpointName: string, Body: string) =>
  (await server.runtime.send(new InvokeEndpointCommand({ EndpointName, Body }))).Body.transformToString();
const tagsOf = async (resource: string) =>
  (
    await server.control.send(
      new ListTagsCommand({ ResourceArn: `arn:aws:sagemaker:us-east-1:000000000000:${resource}` }),
    )
  ).Tags;
const inService = (name: string) =>
  until(async () => {
    const endpoint = await describeEndpoint(name);
    return endpoint.EndpointStatus === 'InService' ? endpoint : undefined;
  }, `endpoint ${name} in service`);
/** The name of the error of a call, or `done`. A call whose server died has one of the network. */
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: Error) => error.name,
  );

/** Makes a call during which the process dies, and starts it again. */
async function killedDuring(death: Death, call: () => Promise<unknown>): Promise<void> {
  await server.dieAt(death);
  await outcome(call());
  await server.dead();
  await server.start();
  const left = await readdir(join(server.stateDir, 'resources'), { recursive: true });
  expect(left.filter((file) => file.endsWith('.tmp'))).toEqual([]);
}

const before = (match: string, nth = 1): Death => ({ match, nth, when: 'before' });
const after = (match: string, nth = 1): Death => ({ match, nth, when: 'after' });
const word = ({ match, nth, when }: Death) => `${match.replace('/', '-')}${nth}-${when}`;
const named = (deaths: Death[]) => deaths.map((death) => [word(death), death] as const);

describe('a SIGKILL in the middle of CreateTrainingJob', () => {
  const writes = [1, 2, 3, 4, 5].map((nth) => before('training-job/', nth));
  it.each(named([before('tags/'), after('tags/'), ...writes, after('training-job/', 5)]))(
    'at %s: one job of that name, whole, and it completes',
    async (name, death) => {
      await killedDuring(death, () => createJob(name));
      expect(['done', 'ResourceInUse']).toContain(await outcome(createJob(name)));
      const job = await until(async () => {
        const answer = await server.control.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
        return answer.TrainingJobStatus === 'InProgress' ? undefined : answer;
      }, `the end of ${name}`);
      expect(job).toMatchObject({ TrainingJobStatus: 'Completed' });
      expect(await tagsOf(`training-job/${name}`)).toEqual(Tags);
      expect(await readdir(join(server.stateDir, 'training'))).toEqual([]);
    },
  );
});

describe('a SIGKILL in the middle of CreateModel and CreateEndpointConfig', () => {
  it.each(['model', 'endpoint-config'])('leaves no %s without its tags', async (kind) => {
    const make = (name: string) => (kind === 'model' ? createModel(name) : createConfig(name, 'old'));
    for (const death of [before('tags/'), after('tags/'), before(`${kind}/`), after(`${kind}/`)]) {
      const name = `${kind}-${word(death)}`;
      await killedDuring(death, () => make(name));
      expect(['done', 'ValidationException']).toContain(await outcome(make(name)));
      expect(await tagsOf(`${kind}/${name}`)).toEqual(Tags);
    }
  });
});

describe('a SIGKILL in the middle of a change of an endpoint', () => {
  it.each(named([before('endpoint/'), after('endpoint/'), before('endpoint/', 2), after('endpoint/', 2)]))(
    'of UpdateEndpoint, at %s: the update happens once or not at all, and it serves',
    async (word, death) => {
      const name = `updated-${word}`;
      await createEndpoint(name);
      await inService(name);
      await killedDuring(death, () => update(name));
      const { EndpointConfigName } = await inService(name);
      // Before the first write nothing was promised; from then on the restart carries the update through.
      expect(EndpointConfigName).toBe(word === 'endpoint-1-before' ? 'old' : 'new');
      expect(JSON.parse(await invoke(name, 'row'))).toMatchObject({ id: 'it' });
      await remove(name);
    },
  );

  it.each(named([after('endpoint/', 3), before('endpoint/', 5), before('endpoint/', 7)]))(
    'of a canary update, at %s: it is carried through, and one program is left',
    async (word, death) => {
      const name = `canary-${word}`;
      await createEndpoint(name);
      await inService(name);
      const TrafficRoutingConfiguration = {
        Type: 'CANARY' as const,
        CanarySize: { Type: 'CAPACITY_PERCENT' as const, Value: 50 },
        WaitIntervalInSeconds: 0,
      };
      await killedDuring(death, () => update(name, { BlueGreenUpdatePolicy: { TrafficRoutingConfiguration } }));
      expect((await inService(name)).EndpointConfigName).toBe('new');
      expect(JSON.parse(await invoke(name, 'row'))).toMatchObject({ id: 'it' });
      await until(async () => {
        const programs = await readdir(join(server.stateDir, 'processes'));
        return programs.length === 1 ? programs : undefined;
      }, 'one program');
      await remove(name);
    },
  );

  it.each(named([before('endpoint/'), after('endpoint/'), before('tags/'), after('tags/'), before('endpoint/', 2)]))(
    'of DeleteEndpoint, at %s: it is there or gone, and the name is free again',
    async (word, death) => {
      const name = `deleted-${word}`;
      await createEndpoint(name);
      await inService(name);
      await killedDuring(death, () => remove(name));
      if (word === 'endpoint-1-before') await inService(name);
      await outcome(remove(name));
      await until(
        async () => ((await outcome(describeEndpoint(name))) === 'ValidationException' ? true : undefined),
        'deletion',
      );
      expect(await readdir(join(server.stateDir, 'endpoints'))).not.toContain(name);
      await createEndpoint(name);
      await inService(name);
      await remove(name);
    },
  );

  it('of InvokeEndpoint: the request breaks off, the program ends, and the next one is answered', async () => {
    await createEndpoint('invoked');
    await inService('invoked');
    const first = JSON.parse(await invoke('invoked', 'row')) as { instance: string };
    const cut = outcome(invoke('invoked', 'sleep:60000'));
    // Sent one after the other over two connections: once this one is answered, the other is with the program.
    await invoke('invoked', 'sleep:200');
    server.kill();
    await server.dead();
    expect(await cut).not.toBe('done');
    await server.start();
    const next = JSON.parse(await invoke('invoked', 'row')) as { instance: string };
    expect(next.instance).not.toBe(first.instance);
  });
});
