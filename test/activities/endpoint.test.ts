import {
  CreateEndpointCommand,
  DescribeEndpointCommand,
  ListEndpointConfigsCommand,
  ListModelsCommand,
  ListTagsCommand,
} from '@aws-sdk/client-sagemaker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEndpointActivities } from '../../activities/endpoint/index.js';
import type { DeployInput, DeploymentStarted, EndpointActivities } from '../../contracts/activities.js';
import { failureOf, REGION, runActivity, SageMakerWorld, untilDone } from './support/local-sagemaker.js';

let world: SageMakerWorld;
let activities: EndpointActivities;
beforeAll(async () => {
  world = await SageMakerWorld.make();
  activities = createEndpointActivities({
    sagemaker: world.sagemaker,
    sagemakerRuntime: world.sagemakerRuntime,
    s3: world.s3,
    region: REGION,
  });
  await world.put('model.tar.gz', 'never unpacked: control rules bring these endpoints up');
});
afterAll(() => world.close());

let endpoint: string;
let count = 0;
beforeEach(async () => {
  endpoint = `${world.model}-endpoint-${++count}`;
  await world.rule({ kind: 'endpoint', action: 'complete' });
});
afterEach(() => world.clearRules());

function input(section: object = {}): DeployInput {
  return {
    ref: world.nextRef(),
    definition: world.definition({ endpoint: { name: endpoint, ...section } }),
    image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
    artifactUri: `s3://${world.bucket}/model.tar.gz`,
    trainingJob: 'x',
  };
}

const await_ = (started: DeploymentStarted, deploy: DeployInput) =>
  untilDone(activities.awaitEndpoint, {
    ref: deploy.ref,
    endpoint: started.endpoint,
    endpointConfig: started.endpointConfig,
    poll: '60s',
  });
async function deploy(section: object = {}): Promise<DeploymentStarted> {
  const wanted = input(section);
  const started = await runActivity(activities.startDeployment, wanted);
  await await_(started, wanted);
  return started;
}
const describeEndpoint = () => world.sagemaker.send(new DescribeEndpointCommand({ EndpointName: endpoint }));

describe('deploying', () => {
  it('creates the endpoint, then updates it, and knows what it was on', async () => {
    const first = await deploy();
    expect(first).toMatchObject({ endpoint, action: 'created', warnings: [] });
    expect(first.endpointConfig).toMatch(new RegExp(`^${world.model}-20260115T\\d{9}Z$`));
    const second = await deploy();
    expect(second).toMatchObject({ action: 'updated', previousConfig: first.endpointConfig });
    expect((await describeEndpoint()).EndpointConfigName).toBe(second.endpointConfig);
  });

  it('finds its own work again, at every step', async () => {
    const first = await deploy();
    const wanted = input();
    const started = await runActivity(activities.startDeployment, wanted);
    expect(await runActivity(activities.startDeployment, wanted)).toEqual(started);
    expect(started.previousConfig).toBe(first.endpointConfig);
  });

  it('finds a creation again', async () => {
    const wanted = input();
    const started = await runActivity(activities.startDeployment, wanted);
    expect(await runActivity(activities.startDeployment, wanted)).toEqual(started);
    expect(started.action).toBe('created');
  });

  it('refuses a model of its name that was asked to be something else', async () => {
    const wanted = input();
    await runActivity(activities.startDeployment, wanted);
    const other = { ...wanted, image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:2' };
    expect((await failureOf(runActivity(activities.startDeployment, other))).type).toBe('NameConflict');
  });

  it("refuses another model's endpoint", async () => {
    await deploy();
    const foreign = input();
    const ref = { ...foreign.ref, model: `${world.model}b` };
    const failure = await failureOf(runActivity(activities.startDeployment, { ...foreign, ref }));
    expect(failure.type).toBe('NameConflict');
    expect(failure.message).toContain(`belongs to model ${world.model}`);
  });

  it('takes an endpoint over that was made by hand, says so, and tags it', async () => {
    const { endpointConfig } = await deploy();
    const byHand = { EndpointName: `${endpoint}-hand`, EndpointConfigName: endpointConfig };
    const { EndpointArn } = await world.sagemaker.send(new CreateEndpointCommand(byHand));
    const started = await deploy({ name: byHand.EndpointName });
    expect(started).toMatchObject({ action: 'updated', previousConfig: endpointConfig });
    expect(started.warnings).toEqual([expect.stringContaining('taken over')]);
    const { Tags } = await world.sagemaker.send(new ListTagsCommand({ ResourceArn: EndpointArn }));
    expect(Tags).toContainEqual({ Key: 'perennial:model', Value: world.model });
  });

  it('keeps the instance count that scaling arrived at, unless the definition changed it', async () => {
    await deploy({ count: 2 });
    await deploy({ count: 2 });
    expect((await describeEndpoint()).ProductionVariants?.[0]?.DesiredInstanceCount).toBe(2);
    await deploy({ count: 3 });
    expect((await describeEndpoint()).ProductionVariants?.[0]?.DesiredInstanceCount).toBe(3);
  });

  it('reports a silent roll-back: back in service on the old config', async () => {
    const first = await deploy();
    await world.clearRules();
    await world.rule({ kind: 'endpoint', action: 'fail', reason: 'The primary container did not pass the ping' });
    const wanted = input();
    const started = await runActivity(activities.startDeployment, wanted);
    const failure = await failureOf(await_(started, wanted));
    expect(failure.type).toBe('DeploymentRolledBack');
    expect(failure.message).toMatch(new RegExp(`${first.endpointConfig}, not on ${started.endpointConfig}`));
    expect(await runActivity(activities.rollBack, rollBackOf(wanted, started))).toEqual({ action: 'none' });
  });
});

const rollBackOf = ({ ref }: DeployInput, { endpointConfig, previousConfig }: DeploymentStarted) => ({
  ref,
  endpoint,
  failedConfig: endpointConfig,
  previousConfig,
});

describe('rolling back', () => {
  it('returns to the previous config, once', async () => {
    const first = await deploy();
    const wanted = input();
    const started = await runActivity(activities.startDeployment, wanted);
    const back = rollBackOf(wanted, started);
    expect(await runActivity(activities.rollBack, back)).toEqual({ action: 'restored', config: first.endpointConfig });
    await await_({ ...started, endpointConfig: first.endpointConfig }, wanted);
    expect(await runActivity(activities.rollBack, back)).toEqual({ action: 'none' });
  });

  it('finds the previous config by itself where the answer of the deployment was lost', async () => {
    const first = await deploy();
    const wanted = input();
    const started = await runActivity(activities.startDeployment, wanted);
    await await_(started, wanted);
    const back = { ...rollBackOf(wanted, started), previousConfig: undefined };
    expect(await runActivity(activities.rollBack, back)).toEqual({ action: 'restored', config: first.endpointConfig });
  });

  it('returns to a config of another variant', async () => {
    const first = await deploy({ variant: 'one' });
    const wanted = input({ variant: 'two' });
    const started = await runActivity(activities.startDeployment, wanted);
    await await_(started, wanted);
    await runActivity(activities.rollBack, rollBackOf(wanted, started));
    await await_({ ...started, endpointConfig: first.endpointConfig }, wanted);
  });

  it('leaves an endpoint alone that the run never got to', async () => {
    const first = await deploy();
    const lost = input();
    const other = input();
    await runActivity(activities.startDeployment, other);
    const back = { ref: lost.ref, endpoint, failedConfig: `${world.model}-20260115T000000000Z` };
    expect(await runActivity(activities.rollBack, back)).toEqual({ action: 'none' });
    expect(first.action).toBe('created');
  });

  it('removes a first deployment that failed', async () => {
    await world.clearRules();
    await world.rule({ kind: 'endpoint', action: 'fail', reason: 'no ping' });
    const wanted = input();
    const started = await runActivity(activities.startDeployment, wanted);
    const failure = await failureOf(await_(started, wanted));
    expect(failure).toMatchObject({ type: 'EndpointFailed' });
    expect(failure.message).toMatch(/Failed: .*no ping/);

    const next = await failureOf(runActivity(activities.startDeployment, input()));
    expect(next.type).toBe('EndpointFailed');
    expect(next.message).toContain('perennial endpoint delete');

    expect(await runActivity(activities.rollBack, rollBackOf(wanted, started))).toEqual({ action: 'removed' });
    await untilDone(activities.awaitEndpointGone, { endpoint });
    expect(await runActivity(activities.rollBack, rollBackOf(wanted, started))).toEqual({ action: 'none' });
  });
});

describe('deleting', () => {
  it('deletes the endpoint, and answers absent when there is none', async () => {
    await deploy();
    const which = { model: world.model, endpoint };
    const foreign = await failureOf(runActivity(activities.deleteEndpoint, { model: 'other', endpoint }));
    expect(foreign.type).toBe('NameConflict');
    expect(await runActivity(activities.deleteEndpoint, which)).toEqual({ state: 'deleting' });
    await untilDone(activities.awaitEndpointGone, { endpoint });
    expect(await runActivity(activities.deleteEndpoint, which)).toEqual({ state: 'absent' });
  });
});

describe('cleaning up', () => {
  const names = async () => {
    const [configs, models] = await Promise.all([
      world.sagemaker.send(new ListEndpointConfigsCommand({ NameContains: `${world.model}-2`, MaxResults: 100 })),
      world.sagemaker.send(new ListModelsCommand({ NameContains: `${world.model}-2`, MaxResults: 100 })),
    ]);
    return {
      configs: configs.EndpointConfigs?.map(({ EndpointConfigName }) => EndpointConfigName).sort(),
      models: models.Models?.map(({ ModelName }) => ModelName).sort(),
    };
  };

  it('keeps what is in use and the newest few, of this model only', async () => {
    const made: string[] = [];
    for (let run = 0; run < 4; run++) made.push((await deploy()).endpointConfig);
    const { ref, definition } = input({ keep: 2 });
    const clean = () => runActivity(activities.cleanUp, { ref, definition });
    await clean();
    const left = await names();
    expect(left.configs).toEqual(expect.arrayContaining(made.slice(1)));
    expect(left.configs).not.toContain(made[0]);
    expect(left.models).toEqual(expect.arrayContaining(made.slice(1)));
    expect(left.models).not.toContain(made[0]);
    expect(await clean()).toEqual({ removed: 0 });
  });

  it('keeps a config that an endpoint of a former name still uses', async () => {
    const former = await deploy();
    endpoint = `${endpoint}-new`;
    for (let run = 0; run < 3; run++) await deploy();
    const { ref, definition } = input({ keep: 1 });
    await runActivity(activities.cleanUp, { ref, definition });
    const left = await names();
    expect(left.configs).toContain(former.endpointConfig);
    expect(left.models).toContain(former.endpointConfig);
  });
});
