import { DescribeEndpointCommand, type DescribeEndpointOutput } from '@aws-sdk/client-sagemaker';
import { modelHash } from '../../../activities/data/hashes.js';
import { createEndpointActivities } from '../../../activities/endpoint/index.js';
import { createVersionActivities } from '../../../activities/versions/index.js';
import type { DeployInput, EndpointActivities, RunRef } from '../../../contracts/activities.js';
import type { Definition } from '../../../contracts/definition/index.js';
import { changeId, deploymentName, fileRecordKey, outcomeKey } from '../../../contracts/names.js';
import type { FileRecord, OutcomeObject } from '../../../contracts/records.js';
import type { ChangePlan, ChangePlanInput, VersionActivities, Versions } from '../../../contracts/versions.js';
import { failureOf, REGION, runActivity, SageMakerWorld, untilDone } from './local-sagemaker.js';

const day = (runTime: string) => `2026-01-0${Number(runTime.slice(17, 19)) + 1}`;
export const configOf = (ref: RunRef) => deploymentName(ref.model, ref.runTime);

/** A model on the local SageMaker whose runs are deployed, and recorded as runs record themselves. */
export class VersionWorld {
  readonly endpoints: EndpointActivities;
  readonly versions: VersionActivities;

  private constructor(readonly world: SageMakerWorld) {
    this.endpoints = createEndpointActivities({ ...world, region: REGION });
    this.versions = createVersionActivities(world);
  }

  static async make(): Promise<VersionWorld> {
    const world = await SageMakerWorld.make();
    await world.put('model.tar.gz', 'never unpacked: a control rule brings these endpoints up');
    await world.rule({ kind: 'endpoint', action: 'complete' });
    return new VersionWorld(world);
  }

  close(): Promise<void> {
    return this.world.close();
  }

  /** `section`: of the endpoint. */
  definition(section: object = {}): Definition {
    return this.world.definition({ endpoint: section });
  }

  /** What a new run deploys. */
  candidate(section: object = {}): DeployInput {
    return {
      ref: this.world.nextRef(),
      definition: this.definition(section),
      image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
      artifactUri: `s3://${this.world.bucket}/model.tar.gz`,
      trainingJob: 'x',
    };
  }

  /** What a run leaves in S3 that was deployed at its own time. */
  private async record(ref: RunRef, definition: Definition, outcome: Partial<OutcomeObject>): Promise<void> {
    const { output } = definition.data;
    const files: FileRecord = {
      version: 1,
      model: ref.model,
      run: ref.run,
      bucket: this.world.bucket,
      asOf: day(ref.runTime),
      dataHash: `data of ${ref.run}`,
      definitionHash: `definition of ${ref.run}`,
      modelHash: modelHash(definition),
      files: [{ channel: 'train', key: 'a.csv', date: day(ref.runTime), etag: 'e', size: 1 }],
    };
    const ended: Partial<OutcomeObject> = {
      version: 1,
      run: ref.run,
      model: ref.model,
      outcome: 'Deployed',
      manifestUri: `s3://${this.world.bucket}/manifest of ${ref.runTime}`,
      metrics: [{ name: 'train:mse', value: 2 }],
      deployedAt: ref.runTime,
      ...outcome,
    };
    await Promise.all([
      this.world.put(fileRecordKey(output, ref.runTime), JSON.stringify(files)),
      this.world.put(outcomeKey(output, ref.runTime), JSON.stringify(ended)),
    ]);
  }

  /** Deploys and records a run; answers its ref. */
  async deployed(section: object = {}, outcome: Partial<OutcomeObject> = {}): Promise<RunRef> {
    const input = this.candidate(section);
    const { endpointConfig } = await runActivity(this.endpoints.startDeployment, input);
    await this.settled(input.ref, endpointConfig);
    await this.record(input.ref, input.definition, outcome);
    return input.ref;
  }

  private settled(ref: RunRef, endpointConfig: string) {
    return untilDone(this.endpoints.awaitEndpoint, { ref, endpoint: ref.model, endpointConfig, poll: '60s' });
  }

  live(): Promise<DescribeEndpointOutput> {
    return this.world.sagemaker.send(new DescribeEndpointCommand({ EndpointName: this.world.model }));
  }

  plan(request: ChangePlanInput['request'], section: object = {}, runTime?: string): Promise<ChangePlan> {
    const definition = this.definition(section);
    return runActivity(this.versions.planChange, { definition, request, ...(runTime !== undefined && { runTime }) });
  }

  refusal(request: ChangePlanInput['request'], section: object = {}) {
    return failureOf(this.plan(request, section));
  }

  list(): Promise<Versions> {
    return runActivity(this.versions.listVersions, { definition: this.definition() });
  }

  /** Plans a change and carries it out. */
  async change(kind: 'rollback' | 'deploy', section: object = {}, to?: string): Promise<[RunRef, ChangePlan]> {
    const { model, runTime } = this.world.nextRef();
    const ref = { model, runTime, run: changeId(kind, model, runTime) };
    const definition = this.definition(section);
    const plan = await this.plan({ kind, ...(to !== undefined && { to }) }, section, runTime);
    const input = { ref, definition, kind, plan };
    await runActivity(this.versions.startChange, input);
    // A retry finds the update of the first try.
    await runActivity(this.versions.startChange, input);
    await this.settled(ref, plan.to.config);
    const { definitionHash } = plan.to;
    const outcome = { version: 1, kind, outcome: 'Deployed', deployedAt: runTime, definitionHash };
    await this.world.put(outcomeKey(definition.data.output, runTime), JSON.stringify(outcome));
    return [ref, plan];
  }
}
