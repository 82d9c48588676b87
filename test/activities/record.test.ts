import { DeleteObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelHash } from '../../activities/data/hashes.js';
import type { RunRef } from '../../contracts/activities.js';
import { deployedKey } from '../../contracts/names.js';
import type { DeployedPointer, OutcomeObject } from '../../contracts/records.js';
import { World } from './support/world.js';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

function deployment(newestDate: string, deployedAt: string, ref = world.nextRef()) {
  return { ref, definition: world.definition(), newestDate, outcome: deployed(ref, newestDate, deployedAt) };
}

function deployed(ref: RunRef, newestDate: string, deployedAt: string): OutcomeObject {
  return {
    version: 1,
    run: ref.run,
    temporalRunId: 'temporal-run',
    model: world.model,
    outcome: 'Deployed',
    reason: 'all went well',
    trigger: 'manual',
    startedAt: ref.runTime,
    endedAt: deployedAt,
    stages: {},
    metrics: [],
    warnings: [],
    fileRecordUri: `s3://${world.bucket}/files.json`,
    dataHash: 'data',
    definitionHash: 'definition',
    endpoint: world.model,
    endpointConfig: `config-${newestDate}`,
    deployedAt,
  };
}

const record = (input: ReturnType<typeof deployment>) => world.run(world.record.recordOutcome, input);
const pointer = () =>
  world.json(`s3://${world.bucket}/${deployedKey(world.definition().data.output)}`) as Promise<DeployedPointer>;

describe('recordOutcome of a deployed run', () => {
  it('writes the parameter and the pointer', async () => {
    const input = deployment('2026-01-08', '2026-01-15T00:01:00.000Z');
    expect(await record(input)).toMatchObject({ parameter: '2026-01-08' });
    expect(await world.parameter()).toBe('2026-01-08');
    expect(await pointer()).toEqual({
      version: 1,
      run: input.ref.run,
      runTime: input.ref.runTime,
      fileRecordUri: input.outcome.fileRecordUri,
      dataHash: 'data',
      definitionHash: 'definition',
      modelHash: modelHash(input.definition),
      endpoint: world.model,
      endpointConfig: 'config-2026-01-08',
      newestDate: '2026-01-08',
      deployedAt: input.outcome.deployedAt,
    });
  });

  it('changes nothing when it is repeated', async () => {
    const input = deployment('2026-01-08', '2026-01-15T00:01:00.000Z');
    await record(input);
    const writes: string[] = [];
    const noted = (name?: string) => name?.startsWith('Put') && writes.push(name);
    world.s3.middlewareStack.add(
      (next, context) => (args) => {
        noted(context.commandName);
        return next(args);
      },
      { step: 'initialize' },
    );
    world.ssm.middlewareStack.add(
      (next, context) => (args) => {
        noted(context.commandName);
        return next(args);
      },
      { step: 'initialize' },
    );
    expect((await record(input)).parameter).toBe('2026-01-08');
    // The outcome's conditional put, which S3 refuses; pointer and parameter are left alone.
    expect(writes).toEqual(['PutObjectCommand']);
  });

  it('follows what is live: an older as-of date deployed later moves the parameter back', async () => {
    await record(deployment('2026-01-08', '2026-01-15T00:01:00.000Z'));
    await record(deployment('2026-01-05', '2026-01-15T00:02:00.000Z'));
    expect(await world.parameter()).toBe('2026-01-05');
    expect(await pointer()).toMatchObject({ newestDate: '2026-01-05' });
  });

  it('leaves a later deployment alone', async () => {
    const early = deployment('2026-01-05', '2026-01-15T00:01:00.000Z');
    await record(deployment('2026-01-08', '2026-01-15T00:02:00.000Z'));
    expect((await record(early)).parameter).toBe('2026-01-08');
    expect(await world.parameter()).toBe('2026-01-08');
    expect(await pointer()).toMatchObject({ newestDate: '2026-01-08' });
  });

  it('names the last of many that are recorded at once', async () => {
    const inputs = Array.from({ length: 3 }, (_, i) => deployment(`2026-01-0${i + 1}`, `2026-01-15T00:0${i}:00.000Z`));
    await Promise.all(inputs.map(record));
    expect(await pointer()).toMatchObject({ newestDate: '2026-01-03' });
  });

  it('survives a pointer that is deleted meanwhile', async () => {
    await record(deployment('2026-01-08', '2026-01-15T00:01:00.000Z'));
    const Key = deployedKey(world.definition().data.output);
    let deleted = false;
    world.s3.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName === 'PutObjectCommand' && !deleted) {
          deleted = true;
          await world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key }));
        }
        return next(args);
      },
      { step: 'initialize' },
    );
    await record(deployment('2026-01-09', '2026-01-15T00:02:00.000Z'));
    expect(await pointer()).toMatchObject({ newestDate: '2026-01-09' });
  });
});

describe('recordOutcome', () => {
  const outcome = (reason: string, input: ReturnType<World['input']>): OutcomeObject => ({
    version: 1,
    run: input.ref.run,
    temporalRunId: 'temporal-run',
    model: world.model,
    outcome: 'NoNewData',
    reason,
    trigger: 'manual',
    startedAt: input.ref.runTime,
    endedAt: input.ref.runTime,
    stages: { 'check data': 0.1 },
    metrics: [],
    warnings: [],
  });

  it('writes once; the same again is fine, another is refused', async () => {
    const key = '12345678-1234-1234-1234-123456789012';
    const input = world.input({ definition: world.definition({ encryption: { data: key } }) });
    const write = (reason: string) =>
      world.run(world.record.recordOutcome, { ...input, outcome: outcome(reason, input) });
    const { outcomeUri } = await write('nothing new');
    expect(await write('nothing new')).toEqual({ outcomeUri });
    await expect(write('something else')).rejects.toMatchObject({
      type: 'RecordConflict',
      nonRetryable: true,
      message: expect.stringContaining(outcomeUri),
    });
    expect(await world.json(outcomeUri)).toEqual(outcome('nothing new', input));
    const Key = outcomeUri.slice(`s3://${world.bucket}/`.length);
    const head = await world.s3.send(new HeadObjectCommand({ Bucket: world.bucket, Key }));
    expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', ContentType: 'application/json' });
  });
});
