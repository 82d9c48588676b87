import { randomUUID } from 'node:crypto';
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointCommand,
  DeleteModelCommand,
  DescribeEndpointCommand,
  DescribeTransformJobCommand,
  ListTagsCommand,
} from '@aws-sdk/client-sagemaker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTransformActivities } from '../../activities/transforms/index.js';
import type { Definition, DefinitionInput } from '../../contracts/definition/index.js';
import { deploymentName, TAGS } from '../../contracts/names.js';
import { transformId, type Transform, type TransformActivities } from '../../contracts/transforms.js';
import { ROLE, startFixture, until, type Fixture } from '../local/fixtures/sagemaker.js';
import { exampleDefinition } from '../support/definitions.js';
import { failureOf, runActivity, untilDone } from './support/local-sagemaker.js';

const DEPLOYED_AT = '2026-01-01T00:00:00.000Z';

let fixture: Fixture;
let activities: TransformActivities;
beforeAll(async () => {
  fixture = await startFixture();
  activities = createTransformActivities({ s3: fixture.server.ctx.s3, sagemaker: fixture.client });
  await fixture.put('rows/a.csv', '5,aa\n7,bbbb\n');
  await fixture.put('rows/b.csv', '9,cc\n');
  await createModel('probe-model', 'retrain/example/by-hand');
});
afterEach(() => fetch(`${fixture.server.url}/_local/rules`, { method: 'DELETE' }));
afterAll(() => fixture[Symbol.asyncDispose]());

async function createModel(name: string, run?: string): Promise<void> {
  const Tags = run === undefined ? [] : [{ Key: TAGS.run, Value: run }];
  const PrimaryContainer = { Image: 'probe' };
  await fixture.client.send(
    new CreateModelCommand({ ModelName: name, ExecutionRoleArn: ROLE, PrimaryContainer, Tags }),
  );
}

/** A definition of a model of its own with one transform of the fixture's rows. */
function definitionWith(transform: object = {}, more: Partial<DefinitionInput> = {}): Definition {
  const { bucket } = fixture;
  return exampleDefinition({
    name: `m-${randomUUID().slice(0, 8)}`,
    data: { bucket },
    transforms: [{ input: `s3://${bucket}/rows/`, output: `s3://${bucket}/answers/`, ...transform }],
    ...more,
  });
}

let runs = 0;

/** The start of a run of the definition's transform, one second after the one before. */
function startOf(definition: Definition) {
  const transform = definition.transforms[0] as Transform;
  const runTime = new Date(Date.UTC(2026, 0, 15, 23) + 1_000 * (runs += 1)).toISOString();
  const run = transformId(definition.name, transform.name, runTime);
  return { ref: { model: definition.name, run, runTime }, definition, transform, modelName: 'probe-model' };
}

async function answer(definition: Definition) {
  const start = startOf(definition);
  const { ref } = start;
  const started = await runActivity(activities.startTransform, start);
  await untilDone(activities.awaitTransform, { ref, transformJob: started.transformJob, poll: '1s' });
  return { ...started, ref };
}

const textIn = (outputUri: string, name: string) =>
  fixture.text(`${outputUri.replace(`s3://${fixture.bucket}/`, '')}${name}`);
const describeJob = (name: string) => fixture.client.send(new DescribeTransformJobCommand({ TransformJobName: name }));

describe('a batch transform', () => {
  it('answers each object into a folder of its time, which is counted', async () => {
    const first = await answer(definitionWith());
    expect(first.outputUri).toBe(`s3://${fixture.bucket}/answers/2026-01-15T230001Z/`);
    expect(await textIn(first.outputUri, 'a.csv.out')).toBe('4\n6\n');
    expect(await textIn(first.outputUri, 'b.csv.out')).toBe('4\n');
    expect(await runActivity(activities.countAnswers, first)).toEqual({ objects: 2, bytes: 6 });

    const second = await answer(definitionWith({ label: 'first' }));
    expect(second.outputUri).not.toBe(first.outputUri);
    expect(await textIn(second.outputUri, 'a.csv.out')).toBe('2\n4\n');
    expect(await textIn(first.outputUri, 'a.csv.out')).toBe('4\n6\n');
  });

  it('joins rows with their answers, and takes what filters leave', async () => {
    const { outputUri, transformJob } = await answer(
      definitionWith({ join: 'input', inputFilter: '$[1:]', outputFilter: '$[0,-1]', strategy: 'single' }),
    );
    expect(await textIn(outputUri, 'a.csv.out')).toBe('5,2\n7,4\n');
    expect(await describeJob(transformJob)).toMatchObject({
      BatchStrategy: 'SingleRecord',
      TransformOutput: { Accept: 'text/csv', AssembleWith: 'Line' },
    });
  });

  it('takes the rows of a day in the time zone of its schedule, or of a day before', async () => {
    const input = `s3://${fixture.bucket}/by-day/{year}/{month}/{day}/{date}`;
    await fixture.put('by-day/2026/01/16/2026-01-16.csv', 'a\n');
    await fixture.put('by-day/2026/01/14/2026-01-14.csv', 'bbb\n');
    const schedule = { cron: '0 6 * * *', timeZone: 'Asia/Tokyo' };
    const tomorrow = await answer(definitionWith({ input, schedule }));
    expect(tomorrow.inputUri).toBe(`s3://${fixture.bucket}/by-day/2026/01/16/2026-01-16`);
    expect(await textIn(tomorrow.outputUri, '2026-01-16.csv.out')).toBe('1\n');
    const before = await answer(definitionWith({ input, daysBack: 1 }));
    expect(await textIn(before.outputUri, '2026-01-14.csv.out')).toBe('3\n');
  });

  it('reads a manifest, and sends whole objects', async () => {
    const { bucket } = fixture;
    await fixture.put('lists/rows', JSON.stringify([{ prefix: `s3://${bucket}/rows/` }, 'b.csv']));
    const { outputUri, ref } = await answer(
      definitionWith({
        input: `s3://${bucket}/lists/rows`,
        manifest: true,
        split: 'none',
        maxPayloadMB: 5,
        maxConcurrent: 2,
      }),
    );
    expect(await runActivity(activities.countAnswers, { ref, outputUri })).toEqual({ objects: 1, bytes: 2 });
  });

  it('encrypts volume and answers with the keys of the definition, and bears the tags of its run', async () => {
    const [volume, output] = [await fixture.key(), await fixture.key()];
    const definition = definitionWith(
      {},
      { encryption: { volume, output }, training: { image: 'x', tags: { team: 'a' } } },
    );
    const { outputUri, transformJob, ref } = await answer(definition);
    const object = await fixture.object(`${outputUri.replace(`s3://${fixture.bucket}/`, '')}a.csv.out`);
    expect(object.SSEKMSKeyId).toContain(output);
    const { TransformResources, TransformJobArn } = await describeJob(transformJob);
    expect(TransformResources?.VolumeKmsKeyId).toBe(volume);
    const { Tags = [] } = await fixture.client.send(new ListTagsCommand({ ResourceArn: TransformJobArn }));
    expect(Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]))).toEqual({
      team: 'a',
      [TAGS.model]: definition.name,
      [TAGS.run]: ref.run,
      [TAGS.spec]: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it('needs leave to go without the key on instances that take none', async () => {
    const key = await fixture.key();
    const open = { key, allowInstanceWithoutVolumeKey: true };
    const { transformJob, warnings } = await answer(
      definitionWith({ instanceType: 'ml.g5.xlarge' }, { encryption: open }),
    );
    expect(warnings).toEqual([expect.stringContaining('ml.g5.xlarge takes no volume key')]);
    expect((await describeJob(transformJob)).TransformResources).not.toHaveProperty('VolumeKmsKeyId');
    const strict = definitionWith({ instanceType: 'ml.g5.xlarge' }, { encryption: { key } });
    expect(await failureOf(runActivity(activities.startTransform, startOf(strict)))).toMatchObject({
      type: 'InvalidRequest',
      message: expect.stringContaining('transforms, answers, instanceType') as string,
    });
  });

  it('is made once, however often it is asked for; a job of its name that another made is refused', async () => {
    const start = startOf(definitionWith());
    const { transformJob } = await runActivity(activities.startTransform, start);
    expect(await runActivity(activities.startTransform, start)).toMatchObject({ transformJob, attached: true });
    const other = { ...start, transform: { ...start.transform, accept: 'text/csv' } };
    expect(await failureOf(runActivity(activities.startTransform, other))).toMatchObject({
      type: 'NameConflict',
      message: expect.stringContaining(transformJob) as string,
    });
  });

  it('fails with the reason of its job', async () => {
    const definition = definitionWith({ input: `s3://${fixture.bucket}/nothing-here/` });
    expect(await failureOf(answer(definition))).toMatchObject({
      type: 'TransformFailed',
      message: expect.stringMatching(/-t1 failed: .*No S3 objects found.*\/aws\/sagemaker\/TransformJobs/) as string,
    });
  });
});

describe('stopping', () => {
  it('stops a running job and answers when it stands; a wait for it ends as stopped', async () => {
    await fixture.rule({ kind: 'transform-job', match: '.', action: 'slow', delayMs: 60_000 });
    const start = startOf(definitionWith());
    const { transformJob } = await runActivity(activities.startTransform, start);
    const looking = { ref: start.ref, transformJob, poll: '1s' };
    expect(await failureOf(runActivity(activities.awaitTransform, looking))).toMatchObject({
      type: 'InProgress',
      message: expect.stringMatching(/^InProgress for \d+ s$/) as string,
    });
    expect(await untilDone(activities.stopTransform, looking)).toEqual({ status: 'Stopped' });
    expect(await failureOf(runActivity(activities.awaitTransform, looking))).toMatchObject({
      type: 'TransformStopped',
    });
    expect(await runActivity(activities.stopTransform, looking)).toEqual({ status: 'Stopped' });
  });

  it('of a job that was never made is done', async () => {
    const { ref } = startOf(definitionWith());
    expect(await runActivity(activities.stopTransform, { ref, transformJob: 'never-made' })).toEqual({
      status: 'absent',
    });
  });
});

describe('the live model', () => {
  const find = (definition: Definition) => runActivity(activities.findLiveModel, { definition });

  async function serve(definition: Definition, modelName: string): Promise<void> {
    const { name, variant } = definition.endpoint;
    await fixture.client.send(
      new CreateEndpointConfigCommand({
        EndpointConfigName: modelName,
        ProductionVariants: [
          { VariantName: variant, ModelName: modelName, InstanceType: 'ml.m5.large', InitialInstanceCount: 1 },
        ],
      }),
    );
    await fixture.client.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: modelName }));
    await until(async () => {
      const { EndpointStatus } = await fixture.client.send(new DescribeEndpointCommand({ EndpointName: name }));
      return EndpointStatus === 'InService' ? true : undefined;
    }, `endpoint ${name}`);
  }

  const deployed = (definition: Definition) =>
    fixture.put(
      `${definition.data.output}deployed.json`,
      JSON.stringify({ version: 1, run: `retrain/${definition.name}/${DEPLOYED_AT}`, runTime: DEPLOYED_AT }),
    );

  it('is that of the endpoint, with the run that made it', async () => {
    const definition = definitionWith();
    const modelName = deploymentName(definition.name, DEPLOYED_AT);
    await createModel(modelName, 'retrain/x/1');
    await serve(definition, modelName);
    const because = `live on endpoint ${definition.name}`;
    expect(await find(definition)).toEqual({ modelName, run: 'retrain/x/1', because });

    await fixture.client.send(new DeleteModelCommand({ ModelName: modelName }));
    expect(await failureOf(find(definition))).toMatchObject({
      type: 'ResourceMissing',
      message: expect.stringContaining('it was deleted since') as string,
    });
    await createModel(modelName);
    expect(await find(definition)).toEqual({ modelName, because });
    await fixture.client.send(new DeleteEndpointCommand({ EndpointName: definition.name }));
  });

  it('is, without an endpoint, that of the last deployed run, as long as it is there', async () => {
    const definition = definitionWith();
    expect(await failureOf(find(definition))).toMatchObject({
      type: 'ResourceMissing',
      message: expect.stringMatching(
        /is not there, and no run was deployed yet. Deploy one first: perennial run/,
      ) as string,
    });
    await deployed(definition);
    expect(await failureOf(find(definition))).toMatchObject({
      type: 'ResourceMissing',
      message: expect.stringContaining('was deleted') as string,
    });
    const modelName = deploymentName(definition.name, DEPLOYED_AT);
    await createModel(modelName);
    expect(await find(definition)).toEqual({
      modelName,
      run: `retrain/${definition.name}/${DEPLOYED_AT}`,
      because: `of the last deployed run, as endpoint ${definition.name} is not there`,
    });
  });
});
