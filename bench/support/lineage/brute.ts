import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { LineageAnswer } from '../../../contracts/purge/lineage.js';
import type { FileRecord, OutcomeObject } from '../../../contracts/records.js';
import { BUCKET } from './past.js';

/** One file that a run used, as its manifests and file record say. */
interface Used {
  readonly key: string;
  readonly etag: string;
  readonly versionId: string;
  readonly mounted: boolean;
  readonly channel: string;
  readonly run: string;
  readonly model: string;
  readonly as: 'trained' | 'judged';
  readonly modelName: string;
}

/** Everything that all runs left, read without an index. */
export interface Everything {
  readonly used: readonly Used[];
  /** Oldest first. */
  readonly deployments: readonly OutcomeObject[];
  /** Sentences: manifests that say otherwise than the file record beside them. */
  readonly contradictions: readonly string[];
  /** How many runs went on with another's files, and how many left no outcome. */
  readonly resumed: number;
  readonly unfinished: number;
}

type Manifest = readonly [{ readonly prefix: string }, ...string[]];

/** Reads every record below `models/`. */
export async function readEverything(s3: S3Client): Promise<Everything> {
  const texts = new Map<string, string>();
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: BUCKET, Prefix: 'models/' })) {
    for (const { Key = '' } of page.Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
      texts.set(Key, (await Body?.transformToString()) ?? '');
    }
  }
  const parsed = <T>(key: string) => (texts.has(key) ? (JSON.parse(texts.get(key) ?? '') as T) : undefined);
  const used: Used[] = [];
  const deployments: OutcomeObject[] = [];
  const contradictions: string[] = [];
  const counts = { resumed: 0, unfinished: 0 };
  for (const folder of new Set([...texts.keys()].map((key) => key.slice(0, key.lastIndexOf('/') + 1)))) {
    const outcome = parsed<OutcomeObject>(`${folder}outcome.json`);
    if (outcome?.deployedAt !== undefined) deployments.push(outcome);
    const record = parsed<FileRecord>(`${folder}files.json`);
    if (!record) continue;
    if (record.resumes !== undefined) counts.resumed += 1;
    if (!outcome) counts.unfinished += 1;
    const manifests = [...texts.keys()].filter((key) => key.startsWith(folder) && key.endsWith('.manifest'));
    // A run that goes on with another's files has the manifests of that one.
    if (record.resumes === undefined) contradictions.push(...compared(record, manifests, folder, parsed));
    for (const { key, etag, versionId = '', mounted = false, channel } of record.files) {
      const as = outcome?.trainingJob !== undefined && channel !== record.holdout ? 'trained' : 'judged';
      const { run, model } = record;
      used.push({ key, etag, versionId, mounted, channel, run, model, as, modelName: outcome?.modelName ?? '' });
    }
  }
  const byTime = (a: OutcomeObject, b: OutcomeObject) => ((a.deployedAt ?? '') < (b.deployedAt ?? '') ? -1 : 1);
  return { used, deployments: deployments.sort(byTime), contradictions, ...counts };
}

function compared(
  { run, files }: FileRecord,
  manifests: readonly string[],
  folder: string,
  parsed: <T>(key: string) => T | undefined,
): string[] {
  const listed = manifests.flatMap((key) => {
    const [head, ...paths] = parsed<Manifest>(key) ?? [{ prefix: '' }];
    const channel = key.slice(folder.length, -'.manifest'.length);
    return paths.map((path) => `${channel} ${head.prefix}${path}`);
  });
  const recorded = files
    .filter(({ mounted }) => !mounted)
    .map(({ channel, key }) => `${channel} s3://${BUCKET}/${key}`);
  return listed.sort().join('\n') === recorded.sort().join('\n') ? [] : [`${run}: manifests and file record differ`];
}

/** Who used a key and where those models served, in lines that can be compared. */
export function bruteForce({ used, deployments }: Everything, key: string, shown: string): string[] {
  const own = used.filter((one) => one.key === key);
  const models = new Set(own.filter(({ as }) => as === 'trained').map(({ modelName }) => modelName));
  const lastOf = new Map(deployments.map((one) => [one.endpoint, one]));
  return [
    ...own.map((one) => useLine({ ...one, uri: shown })),
    ...deployments
      .filter(({ modelName = '' }) => models.has(modelName))
      .map(({ endpoint = '', endpointConfig = '', modelName = '', run }) =>
        endpointLine({ endpoint, endpointConfig, modelName, run, live: lastOf.get(endpoint)?.run === run }),
      ),
  ].sort();
}

/** The same lines of an answer. */
export function linesOf({ files, endpoints, warnings }: LineageAnswer): string[] {
  return [
    ...files.flatMap(({ uri, etag, versionId = '', mounted = false, uses }) =>
      uses.map(({ run, model, channel, as, modelName = '' }) =>
        useLine({ uri, etag, versionId, mounted, run, model, channel, as, modelName }),
      ),
    ),
    ...endpoints.map(({ endpoint, endpointConfig, modelName = '', run, live }) =>
      endpointLine({ endpoint, endpointConfig, modelName, run, live }),
    ),
    ...warnings.map((warning) => `warning ${warning}`),
  ].sort();
}

type UseLine = Omit<Used, 'key'> & { readonly uri: string };

const useLine = ({ uri, etag, versionId, mounted, run, model, channel, as, modelName }: UseLine) =>
  `use ${JSON.stringify([uri, etag, versionId, mounted, run, model, channel, as, modelName])}`;

const endpointLine = (one: {
  readonly endpoint: string;
  readonly endpointConfig: string;
  readonly modelName: string;
  readonly run: string;
  readonly live: boolean;
}) => `endpoint ${JSON.stringify([one.endpoint, one.endpointConfig, one.modelName, one.run, one.live])}`;
