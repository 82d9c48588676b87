import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { definitionSchema, type Definition } from '../../../contracts/definition/index.js';
import {
  changeId,
  deploymentName,
  fileRecordKey,
  outcomeKey,
  runId,
  s3Uri,
  trainingJobName,
} from '../../../contracts/names.js';
import type { FileRecord, OutcomeObject } from '../../../contracts/records.js';
import type { LineageClients } from './clients.js';
import type { Random } from './random.js';

export const BUCKET = 'lineage-bench';
const DAYS = 30;
const SHARED = 'data/shared/';
const IMAGES = 'data/images/';

const day = (number: number) => `2026-01-${String(number + 1).padStart(2, '0')}`;

/** Two models over the same data, one of which is judged on its last days, and one that also reads a mounted mirror. */
export function definitions(mount: string): Definition[] {
  const role = 'arn:aws:iam::000000000000:role/sagemaker';
  const training = { algorithm: 'linear-learner' as const };
  const data = { bucket: BUCKET, prefix: `${SHARED}train/` };
  const network = { subnets: ['subnet-0123456789abcdef0'], securityGroups: ['sg-0123456789abcdef0'] };
  const images = { channel: 'images', fileSystem: 'fs-0123456789abcdef0', directory: '/images', path: mount };
  return [
    { name: 'alpha', role, training, data: { ...data, channels: ['validation'] } },
    { name: 'beta', role, training, data, evaluation: { metric: 'rmse', holdout: 'P3D' } },
    {
      name: 'gamma',
      role,
      training,
      network,
      data: { ...data, fileSystems: [{ ...images, mirrorOf: `s3://${BUCKET}/${IMAGES}` }] },
    },
  ].map((one) => definitionSchema.parse(one));
}

/** Runs as they may have been: each looks at a bucket that changes all the time, and leaves what such a run leaves. */
export class Past {
  private runs = 0;
  private readonly trained: OutcomeObject[] = [];
  /** What was deployed on each endpoint last. */
  readonly live = new Map<string, OutcomeObject>();

  constructor(
    private readonly clients: LineageClients,
    private readonly random: Random,
    private readonly mount: string,
  ) {}

  /** The first objects, of every channel. */
  async begin(): Promise<void> {
    for (let number = 0; number < DAYS; number += 3) await this.upload(`${SHARED}train/${day(number)}.csv`);
    await this.upload(`${SHARED}validation/${day(4)}.csv`);
    await this.upload(`${IMAGES}${day(1)}/first.png`);
  }

  async play(definition: Definition): Promise<void> {
    for (let changes = this.random.below(3); changes >= 0; changes -= 1) await this.change();
    const chance = this.random.next();
    const earlier = this.random.pick(this.trained.filter(({ model }) => model === definition.name));
    if (earlier && chance < 0.1) return this.rollBack(earlier);
    if (earlier && chance < 0.2) return this.resume(definition, earlier);
    const { name: model } = definition;
    const runTime = this.nextTime();
    const ref = { model, run: runId(model, runTime), runTime };
    const asOf = day(14 + this.random.below(16));
    await this.clients.run(this.clients.data.checkData, { ref, definition, asOf, force: true });
    // Cut off before it came to an outcome.
    if (chance < 0.25) return;
    const trains = chance > 0.35;
    const deploys = trains && chance > 0.5;
    const outcome = this.outcome(definition, runTime, deploys ? 'Deployed' : trains ? 'Trained' : 'Failed', trains);
    await this.record(definition, runTime, outcome, chance < 0.9);
  }

  /** A run that goes on with another's job and files. */
  private async resume(definition: Definition, earlier: OutcomeObject): Promise<void> {
    const runTime = this.nextTime();
    const { bucket, output } = definition.data;
    const stored = await this.read<FileRecord>((earlier.fileRecordUri ?? '').replace(`s3://${bucket}/`, ''));
    const run = runId(definition.name, runTime);
    await this.write(fileRecordKey(output, runTime), { ...stored, run, resumes: earlier.run });
    const outcome = this.outcome(definition, runTime, 'Deployed', true);
    await this.record(
      definition,
      runTime,
      { ...outcome, resumes: earlier.run, trainingJob: earlier.trainingJob },
      true,
    );
  }

  /** A person puts an earlier model back in service. */
  private async rollBack(earlier: OutcomeObject): Promise<void> {
    const runTime = this.nextTime();
    const { model, modelName, fileRecordUri, endpointConfig = modelName } = earlier;
    const outcome: OutcomeObject = {
      ...{ version: 1, run: changeId('rollback', model, runTime), temporalRunId: 't', model, kind: 'rollback' },
      ...{ outcome: 'Deployed', reason: 'went back', trigger: 'manual', startedAt: runTime, endedAt: runTime },
      ...{ stages: {}, metrics: [], warnings: [], modelName, fileRecordUri, endpoint: model, endpointConfig },
      deployedAt: runTime,
    };
    const key = outcomeKey(`models/${model}/`, runTime);
    await this.write(key, outcome);
    await this.clients.run(this.clients.ledger.indexRun, { outcomeUri: s3Uri(BUCKET, key) });
    this.live.set(model, outcome);
  }

  private outcome(
    { name: model, data: { output } }: Definition,
    runTime: string,
    outcome: OutcomeObject['outcome'],
    trains: boolean,
  ): OutcomeObject {
    const modelName = deploymentName(model, runTime);
    return {
      ...{ version: 1, run: runId(model, runTime), temporalRunId: 't', model, outcome, reason: 'of a benchmark' },
      ...{ trigger: 'manual', startedAt: runTime, endedAt: runTime, stages: {}, metrics: [], warnings: [] },
      fileRecordUri: s3Uri(BUCKET, fileRecordKey(output, runTime)),
      ...(trains && { trainingJob: trainingJobName(model, runTime, 1), modelName }),
      ...(outcome === 'Deployed' && { endpoint: model, endpointConfig: modelName, deployedAt: runTime }),
    };
  }

  private async record({ data }: Definition, runTime: string, outcome: OutcomeObject, indexed: boolean): Promise<void> {
    const key = outcomeKey(data.output, runTime);
    await this.write(key, outcome);
    if (indexed) await this.clients.run(this.clients.ledger.indexRun, { outcomeUri: s3Uri(BUCKET, key) });
    if (outcome.trainingJob !== undefined) this.trained.push(outcome);
    if (outcome.deployedAt !== undefined) this.live.set(outcome.model, outcome);
  }

  /** Something is uploaded, uploaded again, or deleted; a mirror follows. */
  private async change(): Promise<void> {
    const date = day(this.random.below(DAYS));
    const place = this.random.pick([`${SHARED}train/${date}`, `${SHARED}validation/${date}`, `${IMAGES}${date}`]);
    const name = this.random.next() < 0.5 ? '.csv' : `/${this.random.below(2)}.csv`;
    // The first of each channel stays, so that no run finds one empty.
    if (this.random.next() < 0.25 && name !== '.csv') await this.remove(`${place}${name}`);
    else await this.upload(`${place}${name}`);
  }

  private async upload(key: string): Promise<void> {
    const body = `${this.random.next()}\n`;
    await this.clients.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
    const copy = this.copyOf(key);
    if (copy === undefined) return;
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, body);
  }

  private async remove(key: string): Promise<void> {
    await this.clients.s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key }));
    const copy = this.copyOf(key);
    if (copy !== undefined) await rm(copy, { force: true });
  }

  private copyOf(key: string): string | undefined {
    return key.startsWith(IMAGES) ? join(this.mount, key.slice(IMAGES.length)) : undefined;
  }

  private nextTime(): string {
    this.runs += 1;
    return new Date(Date.UTC(2026, 1, 1) + 60_000 * this.runs).toISOString();
  }

  private async write(key: string, value: unknown): Promise<void> {
    await this.clients.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: JSON.stringify(value) }));
  }

  private async read<T>(key: string): Promise<T> {
    const { Body } = await this.clients.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    return JSON.parse((await Body?.transformToString()) ?? '') as T;
  }
}
