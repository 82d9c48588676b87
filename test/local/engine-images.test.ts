import { CreateTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../engine/build.js';
import { Engine } from '../../engine/engine.js';
import { pushImage } from '../../engine/push.js';
import { createEngineImages } from '../../local/sagemaker/engine/images.js';
import { TestRegistry } from '../support/registry.js';
import { engineName, inContainers, withoutEngine } from './fixtures/engine.js';
import { probeImage, startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

it('an image that is named by digest is that one, though its repository is called as a mapped one', async () => {
  const mapped = { 'linear-learner': '/folder', [`127.0.0.1:5001/own@sha256:${'1'.repeat(64)}`]: 'own:1' };
  const images = createEngineImages(new Engine('docker'), {
    images: mapped,
    buildArgs: {},
    log: pino({ level: 'silent' }),
  });
  const byDigest = `127.0.0.1:5001/linear-learner@sha256:${'0'.repeat(64)}`;
  expect(images.find(byDigest)).toBe(byDigest);
  expect(images.find(`127.0.0.1:5001/own@sha256:${'1'.repeat(64)}`)).toBe('own:1');
  expect(images.find('382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1')).toBe('/folder');
  await images.close();
});

describe.skipIf(withoutEngine)(`images of a registry${withoutEngine ? `: ${withoutEngine}` : ''}`, () => {
  const engine = new Engine(engineName);
  const registry = new TestRegistry();
  let fixture: Fixture;
  let [pinned, host] = ['', ''];
  beforeAll(async () => {
    fixture = await startFixture({}, inContainers);
    ({ host } = await registry.start());
    const { reference } = await buildImage(engine, probeImage, { buildArgs: inContainers.engine.buildArgs });
    const pushed = await pushImage(engine, reference, host);
    await engine.run(['image', 'rm', pushed.reference]);
    pinned = pushed.pinned;
  });
  afterAll(async () => {
    await engine.run(['image', 'rm', '--force', pinned]).catch(() => undefined);
    await fixture[Symbol.asyncDispose]();
    await registry.stop();
  });

  async function train(name: string, TrainingImage: string) {
    const AlgorithmSpecification = { TrainingImage, TrainingInputMode: 'File' as const };
    const request = trainingRequest(fixture, name, {}, { AlgorithmSpecification });
    await fixture.client.send(new CreateTrainingJobCommand(request));
    return fixture.job(name);
  }

  it('are pulled as the definition names them', async () => {
    expect(await train('pulled', pinned)).toMatchObject({ TrainingJobStatus: 'Completed' });
  });

  it('that are not there fail the job with image, registry and what to do', async () => {
    const job = await train('not-there', `${host}/never-pushed:1`);
    expect(job.FailureReason).toContain(
      `image ${host}/never-pushed:1 cannot be pulled: ${host} does not have it (404)`,
    );
  });

  it('named by digest run without the registry once the engine has them', async () => {
    await registry.stop();
    expect(await train('offline', pinned)).toMatchObject({ TrainingJobStatus: 'Completed' });
    const job = await train('unreachable', `${host}/never-pushed:1`);
    expect(job.FailureReason).toContain(`cannot be pulled: ${host} does not answer`);
  });
});
