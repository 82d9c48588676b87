import type { S3Client } from '@aws-sdk/client-s3';
import { changeId, deployedKey, deploymentName, outcomeKey, runId, s3Uri } from '../../contracts/names.js';
import type { DeployedPointer, OutcomeObject } from '../../contracts/records.js';
import type { ModelStatus } from '../../contracts/runs.js';
import { modelOfTransform } from '../../contracts/transforms.js';
import { entityOf, progressOf, statusOfRun } from '../runs.js';
import { readRecord } from '../s3/records.js';

/** Model and time that the name of a resource carries. */
export interface Made {
  readonly model: string;
  readonly time: string;
}

/**
 * What became of the run that made a resource: a run works on it or may need it (`owned`), it was deployed (`kept`), nothing needs it
 * (`over`), or nobody here knows its run (`foreign`): another namespace of Temporal may share the AWS account, and tags don't name it.
 */
export interface Fate {
  readonly state: 'owned' | 'kept' | 'over' | 'foreign';
  readonly reason: string;
}

/** How Temporal says that a run is over. Another word, also one that is not known yet, is that of a run which goes on. */
const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT']);

const OWNED: Fate = { state: 'owned', reason: 'a run of this model may need it' };

/**
 * Asks Temporal and the records in S3 about runs; each question once. A run is over only if this namespace says so or its outcome object
 * is there; what neither knows is never taken for an orphan.
 */
export class Owners {
  private readonly entities = new Map<string, Promise<ModelStatus | undefined>>();
  private readonly fates = new Map<string, Promise<Fate>>();
  private readonly statuses = new Map<string, Promise<string | undefined>>();
  private readonly takers = new Map<string, Promise<Taker>>();
  private readonly deployed = new Map<string, Promise<string | undefined>>();

  constructor(private readonly s3: S3Client) {}

  /** Of a training job that is under way. */
  async ofTrainingJob(made: Made, name: string): Promise<Fate> {
    const { state, reason } = await this.ofRun(made);
    // What was deployed was trained before: a job of such a run that is at work is none of its.
    const fate: Fate = { state: state === 'kept' ? 'over' : state, reason };
    if (fate.state !== 'over') return fate;
    const taker = await this.takerOf(made.model);
    return taker === 'none' || (taker !== 'any' && taker.trainingJob !== name) ? fate : OWNED;
  }

  /** Of a transform job that is under way, by the run that its tag names. No other run takes one up. */
  async ofTransformJob(made: Made, run: string): Promise<Fate> {
    if (modelOfTransform(run) === undefined) {
      const { state, reason } = await this.ofRun(made);
      // What was deployed was evaluated before.
      return { state: state === 'kept' ? 'over' : state, reason };
    }
    const status = await once(this.statuses, run, () => statusOfRun(run));
    if (status === undefined) return { state: 'foreign', reason: "Temporal doesn't remember its batch transform here" };
    return ENDED.has(status) ? { state: 'over', reason: `its batch transform was ${status}` } : OWNED;
  }

  /** Of an endpoint config or a SageMaker model. While any run of the model goes on they stay: it may have to roll back to them. */
  async ofDeployment(made: Made): Promise<Fate> {
    return (await this.atWork(made.model)) === undefined ? this.ofRun(made) : OWNED;
  }

  /** The run of a model that goes on, or is about to start. An entity that was terminated still names the one of its last moment. */
  private async atWork(model: string): Promise<string | undefined> {
    const run = (await this.entity(model))?.running?.run;
    if (run === undefined) return undefined;
    const status = await once(this.statuses, run, () => statusOfRun(run));
    return status === undefined || !ENDED.has(status) ? run : undefined;
  }

  private entity(model: string): Promise<ModelStatus | undefined> {
    return once(this.entities, model, () => entityOf(model));
  }

  private ofRun(made: Made): Promise<Fate> {
    return once(this.fates, runId(made.model, made.time), () => this.fateOf(made));
  }

  private async fateOf({ model, time }: Made): Promise<Fate> {
    const entity = await this.entity(model);
    if (!entity) return { state: 'foreign', reason: `no model ${model} is known in this namespace of Temporal` };
    const { bucket, output } = entity.definition.data;
    const outcome = (await readRecord<OutcomeObject>(this.s3, bucket, outcomeKey(output, time)))?.record;
    if (outcome) {
      if (outcome.outcome === 'Deployed') return { state: 'kept', reason: 'its run was deployed' };
      return { state: 'over', reason: `its run ended as ${outcome.outcome}` };
    }
    const status = await this.statusOfMaker(model, time);
    if (status === undefined) {
      const reason = `Temporal doesn't remember its run here, and there is no record of it under ${s3Uri(bucket, output)}`;
      return { state: 'foreign', reason };
    }
    if (!ENDED.has(status)) return OWNED;
    // Cut off between the verified deployment and its last record.
    const deployed = await once(this.deployed, model, async () => {
      return (await readRecord<DeployedPointer>(this.s3, bucket, deployedKey(output)))?.record.endpointConfig;
    });
    if (status === 'COMPLETED' || deployed === deploymentName(model, time))
      return { state: 'kept', reason: 'its run was deployed' };
    return { state: 'over', reason: `its run was ${status} and left no record` };
  }

  /** Of the run, or else the deploy by hand, that has this time; times are unique in a model. */
  private async statusOfMaker(model: string, time: string): Promise<string | undefined> {
    const statusOf = (id: string) => once(this.statuses, id, () => statusOfRun(id));
    return (await statusOf(runId(model, time))) ?? statusOf(changeId('deploy', model, time));
  }

  private takerOf(model: string): Promise<Taker> {
    return once(this.takers, model, async () => {
      const entity = await this.entity(model);
      if (entity?.queue.some(({ request }) => request.resume !== undefined)) return 'any';
      const running = await this.atWork(model);
      if (running === undefined) return 'none';
      const progress = await progressOf(running);
      if (progress?.outcome !== undefined || progress?.resumes === undefined) return 'none';
      return progress.trainingJob === undefined ? 'any' : { trainingJob: progress.trainingJob };
    });
  }
}

/** The job of an ended run that another run goes on with: none, one, or, as long as that run hasn't looked, any. */
type Taker = 'none' | 'any' | { readonly trainingJob: string };

function once<T>(known: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const answer = known.get(key) ?? ask();
  known.set(key, answer);
  return answer;
}
