import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { DataActivities } from '../../contracts/activities.js';
import { fileRecordKey, parseS3Uri, s3Uri } from '../../contracts/names.js';
import type { FileRecord } from '../../contracts/records.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { readRecord } from '../s3/records.js';
import { windowOf } from './dates.js';
import { modelHash } from './hashes.js';
import { judgedChannel } from './holdout.js';
import { writeAgreed } from './late.js';
import { listChannels } from './listing.js';
import { describeFiles, lookAtData } from './look.js';
import { compareFiles, judge } from './news.js';
import { preview } from './preview.js';
import { writeFileRecord, writeHoldout, writeManifests } from './write.js';

export { definitionHash } from './hashes.js';

/** Clients that the stage "check data" works through, and the region whose registry a built-in algorithm's image comes from. */
export interface DataClients {
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly sagemaker: SageMakerClient;
  readonly region: string;
  /** Opens the keyed hashes; needed once anything was purged. */
  readonly hashes: () => Promise<KeyedHashes>;
}

/** Activities of the stage "check data". */
export function createDataActivities({ s3, ssm, sagemaker, region, hashes }: DataClients): DataActivities {
  return {
    async checkData(input) {
      const { definition, ref, asOf, force } = input;
      const seen = await lookAtData({ s3, ssm, hashes }, input);
      const { definitionHash } = seen.evidence;
      const found = describeFiles(seen.files);
      const nothing = { ...found, dataHash: seen.dataHash, definitionHash, channels: [] };
      if (seen.missing !== undefined && found.newestDate === undefined && !force) {
        return { ...seen.verdict, ...nothing, news: false, reasons: [seen.missing] };
      }
      if (seen.missing !== undefined && seen.verdict.news) {
        throw fail('DataInvalid', `${seen.missing}: ${seen.remedy}`);
      }
      if (!seen.verdict.news) return { ...seen.verdict, ...nothing };

      const judged = judgedChannel(definition);
      const record: FileRecord = {
        version: 1,
        model: ref.model,
        run: ref.run,
        bucket: definition.data.bucket,
        asOf,
        dataHash: seen.dataHash,
        definitionHash,
        modelHash: modelHash(definition),
        ...(judged !== undefined && { holdout: judged }),
        files: seen.files,
      };
      const kept = await writeFileRecord(s3, definition, ref, record);
      const fileRecordUri = s3Uri(definition.data.bucket, fileRecordKey(definition.data.output, ref.runTime));
      const {
        files,
        written: [channels, holdout],
      } = await writeAgreed({ s3, hashes }, definition, { fileRecordUri, files: kept.files }, (now) =>
        Promise.all([writeManifests(s3, definition, ref, now), writeHoldout(s3, definition, ref, now)]),
      );
      return {
        ...(kept === record ? seen.verdict : { ...judge({ ...seen.evidence, files }), news: true }),
        ...describeFiles(files),
        dataHash: kept.dataHash,
        definitionHash,
        fileRecordUri,
        manifestUri: channels.find(({ name }) => name === 'train')?.manifestUri,
        channels,
        ...(holdout && { holdout }),
      };
    },

    async confirmFiles({ definition, fileRecordUri }) {
      const { bucket, key } = parseS3Uri(fileRecordUri);
      const stored = await readRecord<FileRecord>(s3, bucket, key);
      if (!stored) {
        throw fail('ResourceMissing', `${fileRecordUri}, this run's file record, is gone: start a new run`);
      }
      const { record } = stored;
      const { channels } = await listChannels(
        { s3, hashes },
        definition,
        windowOf(record.asOf, definition.data.window),
      );
      const { changed, removed } = compareFiles(
        record.files,
        channels.flatMap(({ files }) => files),
      );
      return { changed, removed: removed.length };
    },

    async previewRun(input) {
      return preview(sagemaker, region, input, await lookAtData({ s3, ssm, hashes }, input));
    },
  };
}
