import type { S3Client } from '@aws-sdk/client-s3';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Definition } from '../../contracts/definition/index.js';
import { deployedKey, parseS3Uri, refusedKey } from '../../contracts/names.js';
import type { DeployedPointer, FileEntry, FileRecord, RefusedPointer } from '../../contracts/records.js';
import { fail } from '../errors.js';
import { readParameter } from '../parameters.js';
import { readRecord } from '../s3/records.js';
import { isDate } from './dates.js';

/** Value of the SSM parameter that a person sets to train whatever the data says. */
export const ALWAYS = '0';

/** What is deployed, as far as it is recorded. */
export interface Baseline {
  readonly pointer?: DeployedPointer;
  /** The run whose model was rolled back or rejected since. */
  readonly refused?: RefusedPointer;
  /** `0`, YYYY-MM-DD, or undefined if the parameter doesn't exist. */
  readonly watermark?: string;
}

/** Reads the pointers to the last deployed run and to one refused since, and the watermark. DataInvalid if a person left something else in either. */
export async function readBaseline(s3: S3Client, ssm: SSMClient, { data }: Definition): Promise<Baseline> {
  const [pointer, refused, parameter] = await Promise.all([
    readRecord<DeployedPointer>(s3, data.bucket, deployedKey(data.output)),
    readRecord<RefusedPointer>(s3, data.bucket, refusedKey(data.output)),
    readParameter(ssm, data.parameter),
  ]);
  if (parameter && parameter.type !== 'String') {
    throw fail(
      'DataInvalid',
      `SSM parameter ${data.parameter} is a ${parameter.type}: delete it and make it a String that holds 0 or the newest date deployed`,
    );
  }
  const watermark = parameter?.value.trim();
  if (watermark !== undefined && watermark !== ALWAYS && !isDate(watermark)) {
    throw fail(
      'DataInvalid',
      `SSM parameter ${data.parameter} holds "${watermark.slice(0, 40)}", which is neither 0 nor a date YYYY-MM-DD: set it to 0 to ` +
        'train with the next run, or to the newest date that is deployed',
    );
  }
  const since = refused && refused.record.runTime > (pointer?.record.runTime ?? '');
  return { pointer: pointer?.record, watermark, ...(since && { refused: refused.record }) };
}

/** File record of the run that a pointer names; undefined if it is gone. With an equal hash its files are `seen`, and it need not be read. */
export async function readFilesOf(
  s3: S3Client,
  pointer: DeployedPointer | RefusedPointer | undefined,
  seen: { readonly dataHash: string; readonly files: readonly FileEntry[] },
): Promise<Pick<FileRecord, 'run' | 'files' | 'definitionHash'> | undefined> {
  if (pointer === undefined) return undefined;
  if (pointer.dataHash === seen.dataHash) return { ...pointer, files: seen.files };
  const { bucket, key } = parseS3Uri(pointer.fileRecordUri);
  return (await readRecord<FileRecord>(s3, bucket, key))?.record;
}
