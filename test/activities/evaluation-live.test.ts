import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
} from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Definition } from '../../contracts/definition/index.js';
import type { EvaluationStarted } from '../../contracts/evaluation.js';
import { deploymentName, fileRecordKey } from '../../contracts/names.js';
import { EvaluationWorld, type Judged } from './support/evaluation-world.js';
import { runActivity } from './support/local-sagemaker.js';

let world: EvaluationWorld;
beforeAll(async () => {
  world = await EvaluationWorld.make();
  await world.world.rule({ match: '', kind: 'transform-job', action: 'complete' });
  await world.world.rule({ match: '', kind: 'endpoint', action: 'complete' });
});
afterAll(() => world.close());

let model: string;
let definition: Definition;
let count = 0;
beforeEach(async () => {
  model = `live-${++count}`;
  definition = world.definition(model);
  await world.upload(model, { '2026-01-08.csv': '1,1\n', '2026-01-09.csv': '2,2\n', '2026-01-10.csv': '3,3\n' });
});

const start = async (judged?: Judged): Promise<EvaluationStarted> =>
  runActivity(world.activities.startEvaluation, judged ?? (await world.trained(definition)));

/** A deployed run, and two newer days, on which the next candidate is judged. */
async function deployed(): Promise<Judged> {
  const live = await world.trained(definition);
  await world.deploy(live);
  await world.upload(model, { '2026-01-12.csv': '4,4\n', '2026-01-13.csv': '5,5\n' });
  return live;
}
const nameOf = ({ ref }: Judged) => deploymentName(ref.model, ref.runTime);

describe('what is live is compared', () => {
  it('not where there is no endpoint', async () => {
    const started = await start();
    expect(started).toEqual({ modelName: started.modelName, transformJob: `${started.modelName}-c1`, warnings: [] });
  });

  it('where a run of this model made it that kept these files from training', async () => {
    const live = await deployed();
    const started = await start();
    expect(started).toMatchObject({
      live: { modelName: nameOf(live), transformJob: `${started.modelName}-l1` },
      liveConfig: nameOf(live),
    });
    expect(started.notCompared).toBeUndefined();
  });

  it('once more in another round, by a job of its own, while the candidate keeps its own', async () => {
    await deployed();
    const judged = await world.trained(definition);
    await start(judged);
    const second = await start({ ...judged, round: 2 });
    expect(second.transformJob).toBe(`${second.modelName}-c1`);
    expect(second.live?.transformJob).toBe(`${second.modelName}-l2`);
  });

  it('with the one that is live now, where a try whose answer was lost had asked for another', async () => {
    await deployed();
    const judged = await world.trained(definition);
    const lost = await start(judged);
    const later = await world.trained(definition);
    await world.deploy(later);
    const found = await start(judged);
    expect(found).toEqual({
      ...lost,
      live: { modelName: nameOf(later), transformJob: `${lost.modelName}-l2` },
      liveConfig: nameOf(later),
    });
    expect(await start(judged)).toEqual(found);
  });

  it('where the same days are held out again', async () => {
    const live = await world.trained(definition);
    await world.deploy(live);
    expect((await start()).live?.modelName).toBe(nameOf(live));
  });

  it('by the variant that runs deploy to', async () => {
    const live = await deployed();
    const ProductionVariants = ['other', 'prod'].map((VariantName) => ({
      VariantName,
      ModelName: VariantName === 'prod' ? nameOf(live) : 'another',
      InstanceType: 'ml.m5.large' as const,
      InitialInstanceCount: 1,
    }));
    await createModel('another');
    await byHand(ProductionVariants);
    expect((await start()).live?.modelName).toBe(nameOf(live));
  });
});

async function createModel(ModelName: string): Promise<void> {
  const ExecutionRoleArn = definition.role;
  const PrimaryContainer = { Image: 'sum', ModelDataUrl: (await world.trained(definition)).artifactUri };
  await world.world.sagemaker.send(new CreateModelCommand({ ModelName, ExecutionRoleArn, PrimaryContainer }));
}

/** An endpoint under the model's name that somebody made by hand, in another model's definition. */
async function byHand(
  ProductionVariants: NonNullable<ConstructorParameters<typeof CreateEndpointConfigCommand>[0]['ProductionVariants']>,
) {
  const EndpointConfigName = `${model}-by-hand`;
  definition = { ...definition, endpoint: { ...definition.endpoint, name: EndpointConfigName } };
  await world.world.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants }));
  const EndpointName = EndpointConfigName;
  await world.world.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName }));
}

describe('candidate and live model are not compared, and the run says why,', () => {
  const expectNot = async (why: RegExp) => {
    const started = await start();
    expect(started.live).toBeUndefined();
    expect(started.liveConfig).toBeDefined();
    expect(started.notCompared).toMatch(why);
    // Nobody's keys in a sentence that reaches the history.
    expect(started.notCompared).not.toMatch(/\.csv/);
  };

  it('where the live model trained on files of the holdout', async () => {
    await world.deploy(
      await world.trained(world.definition(model, { evaluation: { metric: 'rmse', holdout: 'P1D' } })),
    );
    await expectNot(/retrain\/live-\d+\/.* trained on 1 of the 2 files of the holdout$/);
  });

  it('where no run of this model made it', async () => {
    await createModel('foreign');
    await byHand([{ VariantName: 'a', ModelName: 'foreign', InstanceType: 'ml.m5.large', InitialInstanceCount: 1 }]);
    await expectNot(/foreign, which is live, was not made by a run of live-/);
  });

  it('where its name is a run of this model, and its tag is not', async () => {
    const ModelName = deploymentName(model, '2026-01-01T00:00:00.000Z');
    await createModel(ModelName);
    await byHand([{ VariantName: 'a', ModelName, InstanceType: 'ml.m5.large', InitialInstanceCount: 1 }]);
    await expectNot(/does not bear the tag perennial:model of live-/);
  });

  it('where it was deleted', async () => {
    await world.world.sagemaker.send(new DeleteModelCommand({ ModelName: nameOf(await deployed()) }));
    await expectNot(/which is live, was deleted$/);
  });

  it('where its config was deleted', async () => {
    await world.world.sagemaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName: nameOf(await deployed()) }));
    await expectNot(/endpoint config live-\d+-\w+ is gone/);
  });

  it('where its artefact was deleted', async () => {
    const { artifactUri } = await deployed();
    const Key = artifactUri.slice(`s3://${world.world.bucket}/`.length);
    await world.world.s3.send(new DeleteObjectCommand({ Bucket: world.world.bucket, Key }));
    await expectNot(/the artefact of live-\d+-\w+, which is live, was deleted$/);
  });

  it('where what it trained on is not recorded any more', async () => {
    const { ref } = await deployed();
    const Key = fileRecordKey(definition.data.output, ref.runTime);
    await world.world.s3.send(new DeleteObjectCommand({ Bucket: world.world.bucket, Key }));
    await expectNot(/the file record of retrain\/live-.*, which made the live model, is gone/);
  });
});
