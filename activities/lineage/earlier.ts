import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import type { AuditEvent, ChainRow } from '../../contracts/purge/audit.js';
import { purgePrefix, type PurgeRef, type PurgeWork } from '../../contracts/purge/index.js';
import { isPurgedKey, type BatchOutput, type LineageAnswer } from '../../contracts/purge/lineage.js';
import type { Ledger } from '../../ledger/store.js';
import { withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { isObject, type Target } from '../purge/targets.js';
import { readText } from '../s3/objects.js';

/** Hashes asked for in one query. */
const CHUNK = 1_000;
/** Requests that are named one by one. */
const MOST_NAMED = 20;

type Ended = Extract<AuditEvent, { kind: 'ended' }>;
type Execution = Pick<PurgeRef, 'request' | 'execution'>;

/** What earlier purges found that hid it from this one: hashes stand in the records, and no prefix tells them. */
export interface Earlier {
  /** What stands in records in place of the keys. */
  readonly names: ReadonlySet<string>;
  readonly batchOutputs: readonly BatchOutput[];
  readonly warnings: readonly string[];
  /** Requests that erased a prefix together with what is no target here: what lies under it can't be told from the rest. */
  readonly elsewhere: readonly string[];
}

export const NOTHING_EARLIER: Earlier = { names: new Set(), batchOutputs: [], warnings: [], elsewhere: [] };

interface Looking {
  readonly s3: S3Client;
  readonly ledger: Ledger;
  readonly hashes: KeyedHashes;
  readonly work: Pick<PurgeWork, 'ref' | 'storage'>;
  /** The targets and their copies, read anew at each call. */
  readonly targets: () => AsyncIterable<Target>;
  /** Whether nothing is asked for yet, so that there is no earlier execution. */
  readonly dry: boolean;
}

/**
 * What earlier executions of the request found, and purges of other requests all of whose targets are among these: by the chain of the ledger,
 * which names their answers.
 */
export async function earlierPurges(
  looking: Looking,
  prefixes: readonly { readonly bucket: string; readonly prefix: string }[],
): Promise<Earlier> {
  const { names, batchOutputs, warnings } = {
    names: new Set<string>(),
    batchOutputs: [] as BatchOutput[],
    warnings: [] as string[],
  };
  const own = looking.dry ? [] : await ownAnswers(looking);
  const others = await answersOfOthers(looking, prefixes);
  for (const { uri, told } of [...own, ...others.answers]) {
    heartbeat();
    const answer = await readAnswer(looking.s3, uri);
    for (const file of answer?.files ?? []) if (isPurgedKey(file.uri)) names.add(file.uri);
    batchOutputs.push(...(answer?.batchOutputs ?? []));
    if (!answer && told)
      warnings.push(`${uri}, which an earlier purge wrote, is gone or edited: what it found is not known`);
  }
  const elsewhere = [...others.mixed].sort();
  for (const request of elsewhere)
    warnings.push(`request ${request} erased a prefix together with other targets: its certificate has what used them`);
  return { names, batchOutputs, warnings, elsewhere: elsewhere.slice(0, MOST_NAMED) };
}

/** Where an execution's answer lies; `told`: the chain says that it was written. */
interface AnswerAt {
  readonly uri: string;
  readonly told: boolean;
}

/** Of all other executions of the request: one that was terminated has no end in the chain. */
async function ownAnswers({ ledger, work: { ref, storage } }: Looking): Promise<AnswerAt[]> {
  const { rows } = await inChain(() => ledger.chainOfRequest(ref.request));
  return rows
    .filter(({ kind }) => kind === 'requested')
    .map((row) => executionOf(row))
    .filter(({ execution }) => execution !== ref.execution)
    .map((one) => {
      const uri = endOf(rows, one)?.lineage?.lineageUri;
      const usual = s3Uri(storage.records.bucket, `${purgePrefix(one)}lineage.json`);
      return { uri: uri ?? usual, told: uri !== undefined };
    });
}

/** Of other requests that named one of the prefixes. Those that named anything that is no target here are told by name. */
async function answersOfOthers(
  { ledger, hashes, work: { ref }, targets, dry }: Looking,
  prefixes: readonly { readonly bucket: string; readonly prefix: string }[],
): Promise<{ answers: AnswerAt[]; mixed: ReadonlySet<string> }> {
  const candidates = new Map<string, Execution>();
  for (let at = 0; at < prefixes.length; at += CHUNK) {
    const asked = prefixes.slice(at, at + CHUNK).map(({ bucket, prefix }) => hashes.prefix(bucket, prefix));
    for (const one of (await inChain(() => ledger.chainByTarget(asked))).map(executionOf))
      if (dry || one.request !== ref.request) candidates.set(JSON.stringify([one.request, one.execution]), one);
  }
  const found: { one: Execution; uri: string; targets: string[] }[] = [];
  for (const one of candidates.values()) {
    heartbeat();
    const { rows, targets: counts } = await inChain(() => ledger.chainOfRequest(one.request));
    const end = endOf(rows, one);
    // Where no run used anything, or rows were erased, no record was changed.
    if (!end?.lineage || end.lineage.runs === 0 || end.rows) continue;
    const most = counts.find(({ execution }) => execution === one.execution)?.targets ?? 0;
    const named = await inChain(() => ledger.chainTargets(one, most));
    found.push({ one, uri: end.lineage.lineageUri, targets: named.map(({ body }) => targetOf(body)) });
  }
  const missing = new Set(found.flatMap((each) => each.targets));
  if (missing.size > 0)
    for await (const target of targets())
      missing.delete(
        isObject(target) ? hashes.object(target.bucket, target.key) : hashes.prefix(target.bucket, target.prefix),
      );
  const isOurs = (each: { targets: string[] }) => !each.targets.some((hash) => missing.has(hash));
  return {
    answers: found.filter(isOurs).map(({ uri }) => ({ uri, told: true })),
    mixed: new Set(found.filter((each) => !isOurs(each)).map(({ one }) => one.request)),
  };
}

async function readAnswer(s3: S3Client, uri: string): Promise<LineageAnswer | undefined> {
  const { bucket, key } = parseS3Uri(uri);
  const stored = await readText(s3, bucket, key);
  try {
    const answer = JSON.parse(stored?.body ?? 'null') as LineageAnswer | null;
    return Array.isArray(answer?.files) && Array.isArray(answer.batchOutputs) ? answer : undefined;
  } catch {
    return undefined;
  }
}

const executionOf = ({ body }: ChainRow): Execution => {
  const { request, execution } = JSON.parse(body) as Execution;
  return { request, execution };
};

const targetOf = (body: string) => (JSON.parse(body) as { target: { hash: string } }).target.hash;

/** How an execution ended, by the rows of its request. */
function endOf(rows: readonly ChainRow[], { execution }: Execution): Ended | undefined {
  const row = rows.find((one) => one.kind === 'ended' && executionOf(one).execution === execution);
  return row && ({ kind: 'ended', ...(JSON.parse(row.body) as object) } as Ended);
}

const inChain = <T>(work: () => Promise<T>): Promise<T> =>
  withFailures({ resource: 'the audit chain of the ledger', action: 'read' }, work);
