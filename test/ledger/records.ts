import type { FileEntry, FileRecord, OutcomeObject } from '../../contracts/records.js';
import type { RunRecord } from '../../ledger/store.js';

/** Versions of `count` daily objects from 2012-01-02 on. `changed` names days whose content is another. */
export function dailyFiles(count: number, changed: readonly number[] = []): FileEntry[] {
  return Array.from({ length: count }, (_, day) => {
    const date = new Date(Date.UTC(2012, 0, 2 + day)).toISOString().slice(0, 10);
    const etag = `"${date}-${changed.includes(day) ? 'b' : 'a'}"`;
    return { channel: 'train', key: `data/train/${date}.csv`, date, etag, size: 40 + day };
  });
}

/** A run of `model` at `time` (ISO 8601) that trained on `files` and was deployed, changed by `change`. */
export function deployedRun(
  time: string,
  files: readonly FileEntry[],
  change: Partial<OutcomeObject> = {},
  model = 'seattle-weather',
): RunRecord & { fileRecord: FileRecord } {
  const run = `retrain/${model}/${time}`;
  const name = `${model}-${time.replaceAll(/[-:.]/g, '')}`;
  const outcome: OutcomeObject = {
    version: 1,
    run,
    temporalRunId: '01a3f7',
    model,
    outcome: 'Deployed',
    reason: '3 new files',
    trigger: 'schedule',
    asOf: time.slice(0, 10),
    startedAt: time,
    endedAt: new Date(Date.parse(time) + 60_000).toISOString(),
    stages: { train: 41.5, deploy: 12 },
    dataHash: 'd1',
    definitionHash: 'f1',
    fileRecordUri: `s3://lake/runs/${name}/files.json`,
    manifestUri: `s3://lake/runs/${name}/train.manifest`,
    files: files.length,
    trainingJob: `${name}-1`,
    image: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
    instanceType: 'ml.m5.large',
    billableSeconds: 41,
    artifactUri: `s3://lake/artifacts/${name}-1/output/model.tar.gz`,
    metrics: [{ name: 'validation:mse', value: 7.25 }],
    modelName: name,
    endpoint: model,
    endpointConfig: name,
    deployedAt: new Date(Date.parse(time) + 50_000).toISOString(),
    warnings: [],
    ...change,
  };
  const fileRecord: FileRecord = {
    ...{ version: 1, model, run, bucket: 'lake', asOf: time.slice(0, 10), dataHash: 'd1', definitionHash: 'f1' },
    files,
  };
  return { uri: `s3://lake/runs/${name}/outcome.json`, outcome, fileRecord };
}

/** Three runs of one model on following days; the second found one file more and one re-uploaded, the third nothing new. */
export const first = deployedRun('2026-11-19T09:00:00.000Z', dailyFiles(3));
export const second = deployedRun('2026-11-20T09:00:00.000Z', dailyFiles(4, [1]));
export const idle = deployedRun('2026-11-21T09:00:00.000Z', [], {
  outcome: 'NoNewData',
  reason: 'Nothing is new since 2026-11-20',
  ...{ trainingJob: undefined, modelName: undefined, endpoint: undefined, endpointConfig: undefined },
  ...{ deployedAt: undefined, files: 0 },
});
