/** Names are derived from the model and the run's time, so a retry finds its own work. No I/O here. */

/** Time of a run as it stands in workflow ids: `2026-11-21T09:00:00.123Z`. */
export type RunTime = string;

export const TASK_QUEUE = 'perennial';

export const SEARCH_ATTRIBUTES = { model: 'Model', stage: 'Stage', outcome: 'Outcome' } as const;

/** Tags on every remote resource a run makes: who made it, and what it was asked to be. */
export const TAGS = { model: 'perennial:model', run: 'perennial:run', spec: 'perennial:spec' } as const;

export const entityId = (model: string) => `model/${model}`;
export const runId = (model: string, time: RunTime) => `retrain/${model}/${time}`;
export const endpointDeletionId = (model: string, time: RunTime) => `endpoint-deletion/${model}/${time}`;
export const scheduleId = (model: string) => `schedule/${model}`;
export const triggerId = (model: string) => `trigger/${model}`;

/** Model and time of a run's workflow id, or undefined if it is not one. */
export function parseRunId(id: string): { model: string; time: RunTime } | undefined {
  const match = /^retrain\/([^/]+)\/([^/]+)$/.exec(id);
  return match ? { model: match[1] as string, time: match[2] as string } : undefined;
}

/** `2026-11-21T09:00:00.123Z` -> `20261121T090000123Z`, as it stands in names of remote resources (19 characters). */
export const compactTime = (time: RunTime) => time.replaceAll(/[-:.]/g, '');

/** Training job, SageMaker model and endpoint config of a run: at most 36 + 1 + 19 + 1 + 2 of SageMaker's 63 characters. */
export const trainingJobName = (model: string, time: RunTime, attempt: number) =>
  `${model}-${compactTime(time)}-${attempt}`;
/** The SageMaker model and endpoint config of a run share one name; several runs of one second never collide. */
export const deploymentName = (model: string, time: RunTime) => `${model}-${compactTime(time)}`;

const COMPACT = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/;

/** Model and time of a training job's name, or undefined if no run made it. */
export const parseTrainingJobName = (name: string) => parseDeploymentName(name.replace(/-\d{1,2}$/, ''));

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
/** Names the last deployed run: an index into the outcome objects, written after each verified deployment. */
export const deployedKey = (output: string) => `${output}deployed.json`;
/** Names the last run whose model was rolled back: what it trained on is no news until something changes. */
export const rolledBackKey = (output: string) => `${output}rolled-back.json`;
/** Prefix of exchange objects: encrypted, removed after use. */
export const exchangePrefix = (output: string) => `${output}exchange/`;
/** Where SageMaker puts artefacts: `<this>/<training job>/output/model.tar.gz`. */
export const artifactPrefix = (output: string) => `${output}artifacts`;

export const s3Uri = (bucket: string, key: string) => `s3://${bucket}/${key}`;

/** Bucket and key of an `s3://bucket/key` URI. Throws on anything else. */
export function parseS3Uri(uri: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/(.*)$/.exec(uri);
  if (!match) throw new TypeError(`"${uri}" is not an S3 URI (s3://bucket/key)`);
  return { bucket: match[1] as string, key: match[2] as string };
}
