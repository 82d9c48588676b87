import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { heartbeat } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import pLimit from 'p-limit';
import type { OrphanActivities } from '../../contracts/activities.js';
import { parseDeploymentName, parseRunId, parseTrainingJobName, parseTransformJobName } from '../../contracts/names.js';
import type { Orphan, StoppedOrphan } from '../../contracts/orphans.js';
import { isFailure } from '../errors.js';
import { stopTraining } from '../training/stop.js';
import { stopTransformJob } from '../transforms/jobs.js';
import { discardDeployment } from './discard.js';
import { type Fate, type Made, Owners } from './owners.js';
import { candidates, type Candidate, removeResource, taggedRun } from './resources.js';
import { type Usage, usageOf } from './usage.js';

/** Runs and resources looked at at the same time. */
const READERS = 8;
/** Orphans in one answer: a few hundred bytes each, far below Temporal's limit of a payload. */
const MOST = 500;

export interface OrphanDeps {
  readonly sagemaker: SageMakerClient;
  readonly s3: S3Client;
  readonly region: string;
}

/** Activities about what runs that ended badly leave in SageMaker. They ask Temporal which runs go on. */
export function createOrphanActivities(deps: OrphanDeps): OrphanActivities {
  const { sagemaker, s3 } = deps;
  return {
    discardDeployment: (input) => discardDeployment(deps, input),

    async findOrphans() {
      const owners = new Owners(s3);
      const limit = pLimit(READERS);
      const all = await candidates(sagemaker);
      heartbeat(all.length);
      const suspects = await limit.map(all, (one) => suspect(sagemaker, owners, one));
      const suspected = suspects.filter((one) => one !== undefined);
      // Only a deployment that nobody needs makes the endpoints worth a look.
      const deployments = suspected.some(({ candidate: { kind }, state }) => !isJob(kind) && state === 'left');
      const usage = deployments ? await usageOf(sagemaker) : undefined;
      heartbeat(suspected.length);
      const found = await limit.map(suspected, async ({ candidate, ...rest }) => {
        const run = await taggedRun(sagemaker, candidate);
        return run === undefined ? undefined : orphan(candidate, run, rest, usage);
      });
      const orphans = found.filter((one) => one !== undefined);
      return { orphans: orphans.slice(0, MOST), more: Math.max(0, orphans.length - MOST) };
    },

    async stopOrphans({ orphans }) {
      // Looked at anew: since the list was made a run may have taken something up.
      const owners = new Owners(s3);
      const left = orphans.filter(({ state }) => state === 'left');
      const usage = left.some(({ kind }) => !isJob(kind)) ? await usageOf(sagemaker) : undefined;
      const limit = pLimit(READERS);
      // Configs before the models that they name.
      const first = await limit.map(
        left.filter(({ kind }) => kind !== 'model'),
        (one) => stopOne(sagemaker, owners, usage, one),
      );
      heartbeat(first.length);
      const models = left.filter(({ kind }) => kind === 'model');
      return { stopped: [...first, ...(await limit.map(models, (one) => stopOne(sagemaker, owners, usage, one)))] };
    },
  };
}

const isJob = (kind: Orphan['kind']) => kind === 'training job' || kind === 'transform job';

type Suspicion = Pick<Orphan, 'state' | 'reason'>;

/** What a run made and no run needs any more, or whose run nobody here knows. */
async function suspect(
  sagemaker: SageMakerClient,
  owners: Owners,
  candidate: Candidate,
): Promise<(Suspicion & { candidate: Candidate }) | undefined> {
  const { kind, made, name } = candidate;
  // The tag first: the name doesn't tell which batch transform made it. Few are under way at a time.
  const run = kind === 'transform job' ? await taggedRun(sagemaker, candidate) : '';
  heartbeat(name);
  if (run === undefined) return undefined;
  const { state, reason } = await fateOf(owners, kind, name, made, run);
  switch (state) {
    case 'owned':
    case 'kept':
      return undefined;
    case 'over':
      return { state: 'left', reason, candidate };
    case 'foreign':
      return { state, reason: `${reason}: left alone`, candidate };
  }
}

function orphan(
  { kind, name, made, status }: Candidate,
  run: string,
  { state, reason }: Suspicion,
  usage?: Usage,
): Orphan | undefined {
  const base = { kind, name, model: made.model, run, ...(status && { status }), state, reason };
  if (state !== 'left' || isJob(kind)) return base;
  const endpoint = usage?.configs.get(name);
  if (endpoint === undefined) return kind === 'model' && usage?.models.has(name) ? undefined : base;
  if (kind === 'model') return undefined;
  return {
    ...base,
    kind: 'endpoint',
    name: endpoint,
    state: 'unproven',
    reason: `it serves ${name}, and ${reason} before that was verified: ${advice(run, made.model)}`,
  };
}

/** What a person can do about an endpoint that serves what was never verified. */
function advice(run: string, model: string): string {
  if (parseRunId(run)?.kind === 'deploy') return `\`perennial deploy ${model} --force\` deploys and verifies its model`;
  return `\`perennial resume ${run}\` deploys and verifies its model, \`perennial run ${model} --force\` replaces it`;
}

function fateOf(owners: Owners, kind: Candidate['kind'], name: string, made: Made, run: string): Promise<Fate> {
  if (kind === 'training job') return owners.ofTrainingJob(made, name);
  return kind === 'transform job' ? owners.ofTransformJob(made, run) : owners.ofDeployment(made);
}

function madeOf(kind: Orphan['kind'], name: string): Made | undefined {
  if (kind === 'training job') return parseTrainingJobName(name);
  return kind === 'transform job' ? parseTransformJobName(name) : parseDeploymentName(name);
}

async function stopOne(
  sagemaker: SageMakerClient,
  owners: Owners,
  usage: Usage | undefined,
  { kind, name, run }: Orphan,
): Promise<StoppedOrphan> {
  heartbeat(name);
  try {
    const made = madeOf(kind, name);
    if (!made || kind === 'endpoint') return { kind, name, done: 'kept' };
    const fate = await fateOf(owners, kind, name, made, run);
    if (fate.state !== 'over' || usage?.configs.has(name) || usage?.models.has(name))
      return { kind, name, done: 'kept' };
    if (kind === 'training job') return { kind, name, done: await stopped(() => stopTraining(sagemaker, name)) };
    if (kind === 'transform job') return { kind, name, done: await stopped(() => stopTransformJob(sagemaker, name)) };
    return { kind, name, done: await removeResource(sagemaker, kind, name) };
  } catch (error) {
    // One that SageMaker refuses must not keep the others; what passes is tried again with all of them.
    if (!(error instanceof ApplicationFailure) || !error.nonRetryable) throw error;
    return { kind, name, done: 'refused', reason: error.message };
  }
}

/** Asks a job to stop. Its container has two minutes to do so, for which nobody here waits. */
async function stopped(stop: () => Promise<{ status: string }>): Promise<StoppedOrphan['done']> {
  try {
    const { status } = await stop();
    return status === 'Stopped' ? 'stopped' : 'gone already';
  } catch (error) {
    if (isFailure(error, 'InProgress')) return 'stopping';
    throw error;
  }
}
