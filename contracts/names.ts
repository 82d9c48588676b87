/** Names are derived from the model and the run's time, so a retry finds its own work. No I/O here. */

/** Time of a run as it stands in workflow ids: `2026-11-21T09:00:00.123Z`. */
export type RunTime = string;

export const TASK_QUEUE = 'perennial';

export const SEARCH_ATTRIBUTES = { model: 'Model', stage: 'Stage', outcome: 'Outcome' } as const;

/** Tags on every remote resource a run makes: who made it, and what it was asked to be. */
export const TAGS = {
  model: 'perennial:model',
  run: 'perennial:run',
  spec: 'perennial:spec',
  /** On training jobs: the digest of the image when the job was made. */
  image: 'perennial:image-digest',
} as const;

/** SSM SecureString with the key of the keyed hashes that stand for purged keys and values; made by the first worker that needs it. */
export const HMAC_PARAMETER = '/perennial/purge/hmac-key';

export const entityId = (model: string) => `model/${model}`;
export const runId = (model: string, time: RunTime) => `retrain/${model}/${time}`;
/** Id of a change of the endpoint by hand, without a training. */
export const changeId = (kind: Exclude<RunKind, 'retrain'>, model: string, time: RunTime) => `${kind}/${model}/${time}`;
export const endpointDeletionId = (model: string, time: RunTime) => `endpoint-deletion/${model}/${time}`;
export const scheduleId = (model: string) => `schedule/${model}`;
export const triggerId = (model: string) => `trigger/${model}`;

/** What can change what an endpoint serves: a run, a roll-back to a version, a deployment of the live model anew. */
export const RUN_KINDS = ['retrain', 'rollback', 'deploy'] as const;
export type RunKind = (typeof RUN_KINDS)[number];

/** Kind, model and time of the workflow id of a run or of a change by hand, or undefined if it is neither. Times are unique in a model. */
export function parseRunId(id: string): { kind: RunKind; model: string; time: RunTime } | undefined {
  const [kind, model, time, ...rest] = id.split('/');
  const known = RUN_KINDS.find((one) => one === kind);
  return known && model && time && rest.length === 0 ? { kind: known, model, time } : undefined;
}

/** `2026-11-21T09:00:00.123Z` -> `20261121T090000123Z`, as it stands in names of remote resources (19 characters). */
export const compactTime = (time: RunTime) => time.replaceAll(/[-:.]/g, '');

/** Training job, SageMaker model and endpoint config of a run: at most 36 + 1 + 19 + 1 + 2 of SageMaker's 63 characters. */
export const trainingJobName = (model: string, time: RunTime, attempt: number) =>
  `${model}-${compactTime(time)}-${attempt}`;
/** The SageMaker model and endpoint config of a run share one name; several runs of one second never collide. */
export const deploymentName = (model: string, time: RunTime) => `${model}-${compactTime(time)}`;

/**
 * Transform job of a run's evaluation. `round` counts from 1: the live model may be another when it is judged again. At most 36 + 1 + 19 + 4
 * characters.
 */
export const transformJobName = (model: string, time: RunTime, of: 'candidate' | 'live', round: number) =>
  `${model}-${compactTime(time)}-${of === 'candidate' ? 'c' : 'l'}${round}`;

const COMPACT = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/;

/** Model and time of a training job's name, or undefined if no run made it. */
export const parseTrainingJobName = (name: string) => parseDeploymentName(name.replace(/-\d{1,2}$/, ''));

/** Model and time of a transform job's name, be it of a run's evaluation or of a batch transform, or undefined if neither made it. */
export const parseTransformJobName = (name: string) => parseDeploymentName(name.replace(/-[clt]\d{1,2}$/, ''));

/** Model and time of the name of a SageMaker model or endpoint config, or undefined if no run made it. */
export function parseDeploymentName(name: string): { model: string; time: RunTime } | undefined {
  const cut = name.lastIndexOf('-');
  const match = COMPACT.exec(name.slice(cut + 1));
  if (cut < 1 || !match) return undefined;
  const [, year, month, day, hour, minute, second, ms] = match;
  return { model: name.slice(0, cut), time: `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z` };
}

/** Folder of a run's records under the definition's output prefix. */
const runPrefix = (output: string, time: RunTime) => `${output}runs/${compactTime(time)}/`;
export const manifestKey = (output: string, time: RunTime, channel: string) =>
  `${runPrefix(output, time)}${channel}.manifest`;
export const fileRecordKey = (output: string, time: RunTime) => `${runPrefix(output, time)}files.json`;
export const outcomeKey = (output: string, time: RunTime) => `${runPrefix(output, time)}outcome.json`;
/** Where the transform jobs of a run's evaluation put their answers; removed with the run's end unless asked to keep. */
export const predictionsPrefix = (output: string, time: RunTime) => `${runPrefix(output, time)}predictions/`;
/** Score record of a SageMaker model on a holdout. */
export const scoreKey = (output: string, modelName: string, holdoutHash: string) =>
  `${output}scores/${modelName}/${holdoutHash}.json`;
/** Names the last deployed run: an index into the outcome objects, written after each verified deployment. */
export const deployedKey = (output: string) => `${output}deployed.json`;
/** Names the last run whose model was rolled back or rejected: what it trained on is no news until something changes. */
export const refusedKey = (output: string) => `${output}refused.json`;
/** Prefix of exchange objects: encrypted, removed after use. */
export const exchangePrefix = (output: string) => `${output}exchange/`;
/** Where SageMaker puts artefacts: `<this>/<training job>/output/model.tar.gz`. */
export const artifactPrefix = (output: string) => `${output}artifacts`;

export const s3Uri = (bucket: string, key: string) => `s3://${bucket}/${key}`;

/** Bucket and key of an `s3://bucket/key` URI. Throws on anything else. */
export function parseS3Uri(uri: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri);
  if (!match) throw new TypeError(`"${uri}" is not an S3 URI (s3://bucket/key)`);
  return { bucket: match[1] as string, key: match[2] as string };
}
