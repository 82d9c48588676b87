import type { S3Client } from '@aws-sdk/client-s3';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { RecordActivities, RunRef } from '../contracts/activities.js';
import type { Definition } from '../contracts/definition/index.js';
import type { FailureType } from '../contracts/failures.js';
import { deployedKey, outcomeKey, parseRunId, refusedKey, s3Uri } from '../contracts/names.js';
import type { DeployedPointer, OutcomeObject, RefusedPointer } from '../contracts/records.js';
import { gateHash, modelHash } from './data/hashes.js';
import { fail, withFailures } from './errors.js';
import { readParameter } from './parameters.js';
import { writeIf, writeOnce } from './s3/objects.js';
import { readRecord, recordConflict, recordKey } from './s3/records.js';

/** Turns of the race for the pointer before the activity fails and Temporal tries it again. */
const TURNS = 3;

/** Clients that the stage "record" works through. */
export interface RecordClients {
  readonly s3: S3Client;
  readonly ssm: SSMClient;
}

/** Activities of the stage "record". */
export function createRecordActivities({ s3, ssm }: RecordClients): RecordActivities {
  return {
    async recordOutcome({ definition, ref, outcome, newestDate }) {
      const pointer = outcome.outcome === 'Deployed' ? pointerTo(ref, definition, outcome, newestDate) : undefined;
      const parameter = pointer && (await recordDeployment(s3, ssm, definition, pointer));
      await recordRefusal(s3, definition, ref, outcome);
      const { bucket, output } = definition.data;
      const key = outcomeKey(output, ref.runTime);
      const body = JSON.stringify(outcome);
      const other = await writeOnce(s3, { bucket, key, body, kmsKey: recordKey(definition) });
      if (other !== undefined) throw recordConflict(s3Uri(bucket, key));
      return { outcomeUri: s3Uri(bucket, key), parameter };
    },
  };
}

/**
 * The pointer of a deployed run, or, for a change by hand, of the run whose model it put in service. An outcome that lacks what the pointer
 * names deployed nothing.
 */
function pointerTo(
  ref: RunRef,
  definition: Definition,
  outcome: OutcomeObject,
  newestDate: string | undefined,
): DeployedPointer {
  const { fileRecordUri, dataHash, definitionHash, endpoint, endpointConfig, deployedAt } = outcome;
  if (!fileRecordUri || !dataHash || !definitionHash || !endpoint || !endpointConfig || !deployedAt || !newestDate) {
    throw fail('InvalidRequest', `the outcome of ${ref.run} says Deployed but does not say what; nothing was recorded`);
  }
  const { change } = outcome;
  const run = change?.to.run ?? ref.run;
  return {
    version: 1,
    run,
    runTime: change ? (parseRunId(run)?.time ?? '') : ref.runTime,
    fileRecordUri,
    dataHash,
    definitionHash,
    modelHash: change ? outcome.modelHash : modelHash(definition),
    endpoint,
    endpointConfig,
    newestDate,
    deployedAt,
  };
}

/** Pointer and parameter, unless a later deployment has written them already. Answers what the parameter holds now. */
async function recordDeployment(
  s3: S3Client,
  ssm: SSMClient,
  definition: Definition,
  pointer: DeployedPointer,
): Promise<string> {
  const { parameter, output } = definition.data;
  const [ours, stored] = await Promise.all([
    pointTo(s3, definition, deployedKey(output), pointer, isLaterDeployment),
    readParameter(ssm, parameter),
  ]);
  if (!ours) return stored?.value ?? '';
  if (stored?.value !== pointer.newestDate) await setWatermark(ssm, parameter, pointer.newestDate);
  return pointer.newestDate;
}

/** Failures that say the model itself was deployed and taken back: the same data and definition would make it again. */
const TAKEN_BACK: readonly FailureType[] = ['DeploymentRolledBack', 'SmokeTestFailed'];

/** Notes a run whose model was rolled back or rejected, unless a later one is noted, so that the next run doesn't train it again. */
async function recordRefusal(s3: S3Client, definition: Definition, ref: RunRef, outcome: OutcomeObject) {
  const pointer = outcome.kind ? refusedByHand(outcome) : refusedRun(definition, ref, outcome);
  if (!pointer) return;
  const isLater = (one: RefusedPointer, other: RefusedPointer) => one.runTime > other.runTime;
  await pointTo(s3, definition, refusedKey(definition.data.output), pointer, isLater);
}

/** The run whose model a person took back. Another version of the same model refuses nothing. */
function refusedByHand({ kind, outcome, reason, change }: OutcomeObject): RefusedPointer | undefined {
  const { run, snapshot } = change?.from ?? {};
  if (kind !== 'rollback' || outcome !== 'Deployed' || run === change?.to.run || !run || !snapshot) return undefined;
  const runTime = parseRunId(run)?.time ?? '';
  return { version: 1, run, runTime, ...snapshot, why: 'rolled back', reason };
}

function refusedRun(definition: Definition, ref: RunRef, outcome: OutcomeObject): RefusedPointer | undefined {
  const { failureType, reason, fileRecordUri, dataHash, definitionHash } = outcome;
  const rejected = outcome.outcome === 'Rejected';
  const takenBack = failureType !== undefined && TAKEN_BACK.includes(failureType);
  if ((!rejected && !takenBack) || !fileRecordUri || !dataHash || !definitionHash) return undefined;
  const { run, runTime } = ref;
  const files = { fileRecordUri, dataHash, definitionHash };
  return rejected
    ? { version: 1, run, runTime, ...files, why: 'rejected', reason, gateHash: gateHash(definition) }
    : { version: 1, run, runTime, ...files, why: 'rolled back', reason };
}

/**
 * Makes the pointer name this deployment, unless it names a later one: what was verified last is what is live, whichever run began
 * first. The write is conditional, so of two at once the later wins. Answers whether the pointer names this deployment.
 */
async function pointTo<Pointer extends DeployedPointer | RefusedPointer>(
  s3: S3Client,
  definition: Definition,
  key: string,
  pointer: Pointer,
  isLater: (one: Pointer, other: Pointer) => boolean,
): Promise<boolean> {
  const { bucket } = definition.data;
  const body = JSON.stringify(pointer);
  for (let turn = 0; turn < TURNS; turn += 1) {
    const live = await readRecord<Pointer>(s3, bucket, key);
    if (live && JSON.stringify(live.record) === body) return true;
    if (live && isLater(live.record, pointer)) return false;
    if (await writeIf(s3, { bucket, key, body, kmsKey: recordKey(definition) }, live?.etag)) return true;
  }
  throw fail('ServiceUnavailable', `${s3Uri(bucket, key)} kept changing while it was written; trying again`);
}

function isLaterDeployment(one: DeployedPointer, other: DeployedPointer): boolean {
  return one.deployedAt === other.deployedAt ? one.runTime > other.runTime : one.deployedAt > other.deployedAt;
}

async function setWatermark(ssm: SSMClient, name: string, value: string): Promise<void> {
  const request = new PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true });
  const about = { resource: `${name} in SSM`, action: 'write', permission: 'ssm:PutParameter' };
  await withFailures(about, () => ssm.send(request));
}
