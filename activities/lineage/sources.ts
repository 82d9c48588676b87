import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { getClient, heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import { changeId, entityId, parseDeploymentName, parseS3Uri, runId, s3Uri } from '../../contracts/names.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import type { Ledger } from '../../ledger/store.js';
import { withFailures } from '../errors.js';
import { entityOf } from '../runs.js';
import { answeredByS3 } from '../s3/objects.js';
import { asked } from './matcher.js';

/** Models asked at the same time. */
const ASKED = 16;

/** Where a model's runs leave their records: `<output>runs/<time>/`. */
export interface Source {
  readonly model: string;
  readonly bucket: string;
  /** Ends in a slash, or is empty. */
  readonly output: string;
}

/** The models that Temporal remembers, removed ones too, by what their entities say. One that answers no more is left to the ledger. */
export async function declaredSources(): Promise<Source[]> {
  const { workflow } = getClient();
  const ids = new Set<string>();
  await withFailures({ action: 'list the models', resource: 'Temporal' }, async () => {
    for await (const { workflowId } of workflow.list({ query: `WorkflowType = "${WORKFLOWS.model}"` }))
      if (workflowId.startsWith(entityId(''))) ids.add(workflowId);
  });
  const found = await pLimit(ASKED).map([...ids], async (id) => {
    heartbeat();
    const status = await entityOf(id.slice(entityId('').length));
    if (!status) return undefined;
    const { name: model, data } = status.definition;
    return { model, bucket: data.bucket, output: data.output };
  });
  return found.filter((one) => one !== undefined);
}

/** All places where runs left records: those that any run was indexed of, and `others`, each once. */
export async function allSources(ledger: Ledger, others: readonly Source[]): Promise<Source[]> {
  const indexed = (await asked(() => ledger.records())).map(({ model, uri }) => {
    const { bucket, key } = parseS3Uri(uri);
    return { model, bucket, output: key };
  });
  const named = [...indexed, ...others].map((one) => [`${one.model}\0${s3Uri(one.bucket, one.output)}`, one] as const);
  return [...new Map(named).values()];
}

/** Times of the runs of a model that have records in S3, and none in the ledger: they go on, were cut off, or it was away when they ended. */
export async function unindexedTimes(
  s3: S3Client,
  ledger: Ledger,
  { model, bucket, output }: Source,
): Promise<string[]> {
  const Prefix = `${output}runs/`;
  const about = { action: 'list', resource: s3Uri(bucket, Prefix), permission: 's3:ListBucket' };
  const times: string[] = [];
  await withFailures(about, async () => {
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix, Delimiter: '/' })) {
      answeredByS3(page.Name, about.resource);
      heartbeat();
      const made = (page.CommonPrefixes ?? []).flatMap(
        // A folder is named by the run's time as the end of a deployment's name is.
        ({ Prefix: folder = '' }) => parseDeploymentName(`x-${folder.slice(Prefix.length, -1)}`)?.time ?? [],
      );
      const ids = (time: string) => [
        runId(model, time),
        changeId('rollback', model, time),
        changeId('deploy', model, time),
      ];
      const unknown = new Set(await asked(() => ledger.unknownRuns(made.flatMap(ids))));
      times.push(...made.filter((time) => ids(time).every((id) => unknown.has(id))));
    }
  });
  return times;
}
