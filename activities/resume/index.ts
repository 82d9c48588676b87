import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { DataActivities, ResumeActivities, RunRef } from '../../contracts/activities.js';
import { deployedKey, fileRecordKey, s3Uri } from '../../contracts/names.js';
import type { DeployedPointer, FileRecord } from '../../contracts/records.js';
import type { ResumeInput, ResumePlan } from '../../contracts/resume.js';
import { definitionHash } from '../data/hashes.js';
import { windowOf } from '../data/dates.js';
import { judgedChannel } from '../data/holdout.js';
import { writeAgreed } from '../data/late.js';
import { channelPrefixes, listChannels, type ListingDeps } from '../data/listing.js';
import { describeFiles } from '../data/look.js';
import { compareFiles } from '../data/news.js';
import { writeFileRecord, writeHoldout, writeManifests } from '../data/write.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { readRecord } from '../s3/records.js';
import { type Earlier, lookBack } from './first.js';
import { preparedBefore } from './prepared.js';
import { assertArtifact, assertSameTraining, channelsOf } from './job.js';

export interface ResumeDeps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
  readonly region: string;
  /** What a run does whose predecessor came to no snapshot. */
  readonly checkData: DataActivities['checkData'];
  /** Opens the keyed hashes; needed once anything was purged. */
  readonly hashes: () => Promise<KeyedHashes>;
}

/** Activities of a run that takes up an earlier one. They ask Temporal about runs that left no record. */
export function createResumeActivities(deps: ResumeDeps): ResumeActivities {
  const { s3 } = deps;
  return {
    async planResume(input) {
      const earlier = await examine(deps, input);
      const plan = planFor(input.resume, earlier);
      if (earlier.record) return plan;
      const before = await preparedBefore(s3, input.definition, earlier.runTimes);
      if (!before) return plan;
      return {
        ...plan,
        reason: `${plan.reason}; ${before.words}`,
        ...(before.prepared && { prepared: before.prepared }),
      };
    },

    async takeUp(input) {
      const { ref, definition, resume } = input;
      const earlier = await examine(deps, input);
      const { reason } = planFor(resume, earlier);
      const { record, usable } = earlier;
      if (!record) {
        const checked = await deps.checkData(input);
        return { ...checked, reasons: [reason, ...checked.reasons] };
      }
      // A record of its own: the ledger and the next run read it by this run's name, and by the definition that is deployed now.
      const judged = judgedChannel(definition) ?? record.holdout;
      const hash = definitionHash(definition);
      const own = {
        ...record,
        run: ref.run,
        resumes: resume,
        definitionHash: hash,
        ...(judged && { holdout: judged }),
      };
      const kept = await writeFileRecord(s3, definition, ref, own);
      const fileRecordUri = s3Uri(definition.data.bucket, fileRecordKey(definition.data.output, ref.runTime));
      const {
        files,
        written: [channels, holdout],
      } = await writeAgreed(deps, definition, { fileRecordUri, files: kept.files }, (now) =>
        Promise.all([
          usable
            ? channelsOf(usable.detail, (channel) => now.filter((file) => file.channel === channel).length)
            : writeManifests(s3, definition, ref, now),
          writeHoldout(s3, definition, ref, now),
        ]),
      );
      return {
        news: true,
        reasons: [reason],
        ...describeFiles(files),
        added: 0,
        changed: 0,
        removed: 0,
        dataHash: kept.dataHash,
        definitionHash: own.definitionHash,
        fileRecordUri,
        manifestUri: channels.find(({ name }) => name === 'train')?.manifestUri,
        channels,
        ...(holdout && { holdout }),
        ...(usable && { job: usable.job }),
      };
    },
  };
}

/** What there is to go on with, once everything allows it; the refusal otherwise. Reads only. */
async function examine(
  deps: ResumeDeps,
  { definition, resume, noDeploy, ref }: ResumeInput & { ref?: RunRef },
): Promise<Earlier> {
  const earlier = await lookBack(deps, definition, resume);
  const { record, usable, runTime } = earlier;
  if (!record) return earlier;
  const { bucket, output } = definition.data;
  const pointer = (await readRecord<DeployedPointer>(deps.s3, bucket, deployedKey(output)))?.record;
  if (!noDeploy && !earlier.noDeploy && pointer && pointer.runTime > runTime) {
    throw fail(
      'InvalidRequest',
      `${pointer.run} was deployed since, and ${resume} would put the older model back: start a new run, with --as-of ${record.asOf} --force if the older data is what you want`,
    );
  }
  await assertSameFiles(deps, { definition, resume }, record);
  if (usable) {
    const { name: model } = definition;
    assertSameTraining(usable, { ref: ref ?? { model, run: resume, runTime }, definition, region: deps.region });
    await assertArtifact(deps.s3, usable.job);
  }
  return earlier;
}

/** The snapshot must still be there as it was: what a model saw, or will see, has to be told. */
async function assertSameFiles(
  deps: ListingDeps,
  { definition, resume }: ResumeInput,
  record: FileRecord,
): Promise<void> {
  const { data } = definition;
  const { channels } = await listChannels(deps, definition, windowOf(record.asOf, data.window));
  const now = channels.flatMap(({ files }) => files);
  const { changed, removed } = compareFiles(record.files, now);
  const judged = judgedChannel(definition);
  const wanted = [
    ...channelPrefixes(definition).map(({ name }) => name),
    ...(data.fileSystems ?? []).map(({ channel }) => channel),
    ...(judged === undefined ? [] : [judged]),
  ];
  const missing = wanted.find((name) => !record.files.some(({ channel }) => channel === name));
  const moved = record.bucket !== data.bucket || missing !== undefined;
  if (!moved && changed + removed.length === 0) return;
  const what = moved
    ? `the definition's data is another${missing ? ` (channel ${missing})` : ` (bucket ${data.bucket})`}`
    : `${changed} files changed and ${removed.length} are no longer in the window`;
  throw fail(
    'DataChanged',
    `${resume} can't be resumed: of the ${record.files.length} files that it looked at as of ${record.asOf}, ${what}. Start a new run, which sees that as news`,
  );
}

/** In words, where a run goes on. */
function planFor(resume: string, { record, usable, asOf, noDeploy }: Earlier): ResumePlan {
  const known = { ...(asOf !== undefined && { asOf }), ...(noDeploy && { noDeploy }) };
  if (!record) {
    return {
      from: 'check data',
      reason: `${resume} came to no snapshot of its data, which is looked at again`,
      ...known,
    };
  }
  if (!usable) {
    return {
      from: 'train',
      reason: `goes on from the snapshot of ${resume}, which has no training job of use`,
      ...known,
    };
  }
  const { trainingJob, ended } = usable.job;
  return ended
    ? {
        from: 'deploy',
        reason: `goes on from ${resume}, whose training job ${trainingJob} completed`,
        trainingJob,
        ...known,
      }
    : {
        from: 'await',
        reason: `goes on from ${resume}, whose training job ${trainingJob} still runs`,
        trainingJob,
        ...known,
      };
}
