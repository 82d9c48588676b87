import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { CreateEndpointCommand, CreateEndpointConfigCommand, CreateModelCommand } from '@aws-sdk/client-sagemaker';
import { waitUntilEndpointInService } from '@aws-sdk/client-sagemaker';
import type { PurgeWork, TargetLine } from '../../contracts/purge/index.js';
import { type LineageAnswer, purgedKey } from '../../contracts/purge/lineage.js';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import { defaultStorage } from '../../contracts/storage/defaults.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';
import { bruteForce, type Everything, linesOf, readEverything } from '../support/lineage/brute.js';
import { type LineageClients, lineageClients } from '../support/lineage/clients.js';
import { BUCKET, definitions, Past } from '../support/lineage/past.js';
import { Random } from '../support/lineage/random.js';
import { completeAtOnce, withStack } from '../support/stack.js';

const RUNS = 200;
const PREFIXES = 20;
const PURGED = 10;
const SEED = 20_261_121;

export const lineage: Scenario = {
  name: 'lineage',
  what: `files and prefixes whose lineage over ${RUNS} random runs differs from what reading every record says`,
  unit: 'differences',
  limit: 0,
  bound: 'at most',
  measure: (context) => withStack(context, (stack) => measure(context, stack), ['aws', 'sagemaker', 'postgres']),
};

async function measure(context: BenchContext, stack: LocalStack): Promise<Measured> {
  await completeAtOnce(stack);
  const mount = await mkdtemp(join(tmpdir(), 'perennial-mount-'));
  const models = definitions(mount);
  const sources = models.map(({ name: model, data }) => ({ model, bucket: data.bucket, output: data.output }));
  const clients = await lineageClients(stack, sources);
  try {
    await clients.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await clients.s3.send(new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration }));
    const random = new Random(SEED);
    const past = new Past(clients, random, mount);
    await past.begin();
    for (let run = 0; run < RUNS; run += 1) {
      context.signal.throwIfAborted();
      await past.play(models[random.below(models.length)] ?? models[0]!);
      if (run % 50 === 49) context.say(`${run + 1} runs played`);
    }
    await serve(clients, past);
    return await compare(context, clients, random);
  } finally {
    await clients.close();
    await rm(mount, { recursive: true });
  }
}

/** Every endpoint serves what was deployed on it last. */
async function serve({ s3, sagemaker }: LineageClients, past: Past): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'model.tar.gz', Body: 'none' }));
  for (const { endpoint = '', endpointConfig = '', modelName = '' } of past.live.values()) {
    const PrimaryContainer = { Image: 'linear-learner', ModelDataUrl: s3Uri(BUCKET, 'model.tar.gz') };
    const ExecutionRoleArn = 'arn:aws:iam::000000000000:role/sagemaker';
    await sagemaker.send(new CreateModelCommand({ ModelName: modelName, ExecutionRoleArn, PrimaryContainer }));
    const variant = { VariantName: 'prod', ModelName: modelName, InitialInstanceCount: 1 };
    const ProductionVariants = [{ ...variant, InstanceType: 'ml.m5.large' as const }];
    await sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: endpointConfig, ProductionVariants }));
    await sagemaker.send(new CreateEndpointCommand({ EndpointName: endpoint, EndpointConfigName: endpointConfig }));
    const wait = { client: sagemaker, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
    await waitUntilEndpointInService(wait, { EndpointName: endpoint });
  }
}

async function compare({ say, signal }: BenchContext, clients: LineageClients, random: Random): Promise<Measured> {
  const all = await readEverything(clients.s3);
  const keys = [...new Set(all.used.map(({ key }) => key))].sort();
  const differences: string[] = [...all.contradictions];
  const check = (what: string, expected: readonly string[], found: readonly string[]) => {
    if (expected.join('\n') !== found.join('\n')) differences.push(`${what}: ${found.length} for ${expected.length}`);
  };
  let seconds = 0;
  // A neighbour of each of a few, which no run used.
  for (const key of [...keys, ...keys.slice(0, 5).map((one) => `${one}.bak`)]) {
    signal.throwIfAborted();
    const began = performance.now();
    const answer = await askFile(clients, key);
    seconds += (performance.now() - began) / 1_000;
    check(key, bruteForce(all, key, s3Uri(BUCKET, key)), linesOf(answer));
  }
  say(`${keys.length} files compared`);
  for (let number = 0; number < PREFIXES; number += 1) {
    const key = random.pick(keys) ?? '';
    const prefix = key.slice(0, 5 + random.below(key.length - 5));
    const { runs, models, live } = await clients.run(
      clients.lineage.lineageOfTargets,
      await purgeOf(clients, [{ bucket: BUCKET, prefix }]),
    );
    check(`prefix ${prefix}`, summed(all, prefix), [`${runs} runs`, models.join(), live.join()]);
  }
  const gone = Array.from({ length: PURGED }, () => random.pick(keys) ?? '');
  const work = await purgeOf(
    clients,
    gone.map((key) => ({ bucket: BUCKET, key })),
  );
  const redacted = await clients.run(clients.lineage.redactRecords, work);
  const hashes = await clients.hashes();
  for (const key of gone) {
    const shown = purgedKey(hashes.object(BUCKET, key));
    check(`purged ${key}`, bruteForce(all, key, shown), linesOf(await askFile(clients, key)));
  }
  const named = (await readEverything(clients.s3)).used.filter(({ key }) => gone.includes(key)).length;
  if (named > 0) differences.push(`${named} entries of records still name a purged key`);
  const asked = keys.length + 5 + PREFIXES + PURGED;
  // What would make the comparison say less than it seems to.
  const kinds = {
    trained: all.used.filter(({ as }) => as === 'trained').length,
    judged: all.used.filter(({ as }) => as === 'judged').length,
    mounted: all.used.filter(({ mounted }) => mounted).length,
    rollbacks: all.deployments.filter(({ kind }) => kind === 'rollback').length,
    resumed: all.resumed,
    unfinished: all.unfinished,
  };
  return {
    figure: differences.length,
    ok: differences.length === 0 && Object.values(kinds).every((count) => count > 0),
    detail: { asked, files: keys.length, kinds, redacted, secondsPerFile: seconds / (keys.length + 5), differences },
  };
}

/** What the sum of a purge of a prefix has to say. */
function summed(all: Everything, prefix: string): string[] {
  const used = all.used.filter(({ key }) => key.startsWith(prefix));
  const trained = new Set(used.filter(({ as }) => as === 'trained').map(({ modelName }) => modelName));
  const last = new Map(all.deployments.map((one) => [one.endpoint, one]));
  const live = [...last.values()].filter(({ modelName = '' }) => trained.has(modelName)).map(({ model }) => model);
  const models = new Set(used.map(({ model }) => model));
  return [`${new Set(used.map(({ run }) => run)).size} runs`, [...models].sort().join(), live.sort().join()];
}

async function askFile(clients: LineageClients, key: string): Promise<LineageAnswer> {
  const inputUri = await put(clients, '_perennial/exchange/bench/input', { uri: s3Uri(BUCKET, key) });
  const outputUri = s3Uri(BUCKET, '_perennial/exchange/bench/output');
  await clients.run(clients.lineage.lineageOfFile, { inputUri, outputUri, storage: defaultStorage(BUCKET) });
  const { bucket, key: Key } = parseS3Uri(outputUri);
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
  return JSON.parse((await Body?.transformToString()) ?? '') as LineageAnswer;
}

async function purgeOf(clients: LineageClients, targets: readonly TargetLine[]): Promise<PurgeWork> {
  const body = targets.map((target) => `${JSON.stringify(target)}\n`).join('');
  const targetsUri = await put(clients, '_perennial/targets/bench', body);
  const ref = { request: 'bench', execution: 'bench', startedAt: '2026-03-01T00:00:00.000Z' };
  return { ref, storage: defaultStorage(BUCKET), targetsUri, options: {} };
}

async function put({ s3 }: LineageClients, key: string, value: unknown): Promise<string> {
  const Body = typeof value === 'string' ? value : JSON.stringify(value);
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body }));
  return s3Uri(BUCKET, key);
}
