import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateTrainingJobCommand, type Channel, type FileSystemDataSource } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainingRequest as requestOf } from '../../activities/training/request.js';
import { runId } from '../../contracts/names.js';
import { createSandbox } from '../../local/sagemaker/runtime/sandbox.js';
import { pino } from 'pino';
import { exampleDefinition } from '../support/definitions.js';
import { probeImage, startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

const FILE_SYSTEM = 'fs-0123456789abcdef0';
const VPC = { Subnets: ['subnet-1'], SecurityGroupIds: ['sg-1'] };

let fixture: Fixture;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  folder = join(fixture.stateDir, 'efs', FILE_SYSTEM, 'data/images');
  await mkdir(join(folder, 'cats'), { recursive: true });
  await writeFile(join(folder, 'cats/1.png'), 'cat');
});
afterAll(() => fixture[Symbol.asyncDispose]());

const channel = (more: Partial<FileSystemDataSource> = {}, name = 'images'): Channel => ({
  ChannelName: name,
  DataSource: {
    FileSystemDataSource: {
      FileSystemId: FILE_SYSTEM,
      FileSystemType: 'EFS',
      DirectoryPath: '/data/images',
      FileSystemAccessMode: 'ro',
      ...more,
    },
  },
});

const create = (
  name: string,
  channels: Channel[],
  more: object = { VpcConfig: VPC },
  todo: Record<string, string> = {},
) =>
  fixture.client.send(
    new CreateTrainingJobCommand(trainingRequest(fixture, name, todo, { InputDataConfig: channels, ...more })),
  );

describe('a channel on a file system', () => {
  it('is below /opt/ml, read-only or written through to the folder that stands for it', async () => {
    const paths = { ro: 'input/data/images/written', rw: 'input/data/shared/written' };
    await create('mounted', [channel(), channel({ FileSystemAccessMode: 'rw' }, 'shared')], undefined, {
      writeTo: Object.values(paths).join('|'),
    });
    expect(await fixture.job('mounted')).toMatchObject({ TrainingJobStatus: 'Completed' });
    const log = await readFile(join(fixture.stateDir, 'logs/training-jobs/mounted/algo-1.log'), 'utf8');
    expect(log).toContain('file images/cats/1.png');
    expect(log).toContain('file shared/cats/1.png');
    expect(log).toContain('not written: EROFS');
    expect(await readFile(join(folder, 'written'), 'utf8')).toBe(paths.rw);
    await rm(join(folder, 'written'));
    // The job's folders are gone; what was mounted there is not.
    expect(await readdir(join(folder, 'cats'))).toEqual(['1.png']);
  });

  it('is what a definition with data.fileSystems asks for', async () => {
    await fixture.put('data/2026-01-01.csv', '1,2');
    const definition = exampleDefinition({
      data: {
        bucket: fixture.bucket,
        fileSystems: [{ channel: 'images', fileSystem: FILE_SYSTEM, directory: '/data/images', path: folder }],
      },
      network: { subnets: VPC.Subnets, securityGroups: VPC.SecurityGroupIds },
      training: { image: 'probe' },
    });
    const runTime = '2026-01-02T00:00:00.000Z';
    await fixture.put('m.json', JSON.stringify([{ prefix: `s3://${fixture.bucket}/data/` }, '2026-01-01.csv']));
    const channels = [{ name: 'train', manifestUri: `s3://${fixture.bucket}/m.json`, files: 1 }];
    const ref = { model: 'example', run: runId('example', runTime), runTime };
    const { request } = requestOf({ ref, definition, attempt: 0, channels }, 'us-east-1');
    await fixture.client.send(new CreateTrainingJobCommand(request));
    const job = await fixture.job(String(request.TrainingJobName));
    expect(job).toMatchObject({
      TrainingJobStatus: 'Completed',
      InputDataConfig: [{ ChannelName: 'train' }, channel()],
    });
  });

  it('fails the job where the file system has no such directory, with the folder to make', async () => {
    await create('absent', [channel({ DirectoryPath: '/elsewhere' })]);
    const { FailureReason } = await fixture.job('absent');
    expect(FailureReason).toContain(
      `ClientError: Data download failed:Unable to mount file system: ${FILE_SYSTEM}, directory path: /elsewhere`,
    );
    expect(FailureReason).toContain(join(fixture.stateDir, 'efs', FILE_SYSTEM, 'elsewhere'));
  });

  it.each<[string, Channel[], object, string]>([
    ['no VPC', [channel()], {}, 'VpcConfig is required for FileSystemDataSource'],
    ['a short id', [channel({ FileSystemId: 'fs-1' })], { VpcConfig: VPC }, 'length greater than or equal to 11'],
    ['another type', [channel({ FileSystemType: 'NFS' as 'EFS' })], { VpcConfig: VPC }, '[EFS, FSxLustre]'],
    ['another access', [channel({ FileSystemAccessMode: 'w' as 'rw' })], { VpcConfig: VPC }, '[rw, ro]'],
    ['a way out', [channel({ DirectoryPath: '/data/../..' })], { VpcConfig: VPC }, 'must be a full path'],
    ['no directory', [channel({ DirectoryPath: undefined })], { VpcConfig: VPC }, 'Member must not be null'],
    [
      'two sources',
      [
        {
          ...channel(),
          DataSource: { ...channel().DataSource, S3DataSource: { S3DataType: 'S3Prefix', S3Uri: 's3://b/x' } },
        },
      ],
      { VpcConfig: VPC },
      'exactly one of S3DataSource and FileSystemDataSource',
    ],
    ['no source', [{ ChannelName: 'images', DataSource: {} }], { VpcConfig: VPC }, 'FileSystemDataSource only'],
    ['FastFile', [{ ...channel(), InputMode: 'FastFile' }], { VpcConfig: VPC }, 'FastFile mode is for S3DataSource'],
  ])('is refused with %s', async (_what, channels, more, message) => {
    await expect(create('refused', channels, more)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining(message) as string,
    });
  });

  it('is a copy or a link where there are no namespaces', async () => {
    const stateDir = join(fixture.stateDir, 'plain');
    const optMl = join(stateDir, 'job');
    for (const path of ['input/config', 'input/data/images', 'input/data/shared', 'model'])
      await mkdir(join(optMl, path), { recursive: true });
    const todo = { writeTo: 'input/data/images/own|input/data/shared/through' };
    await writeFile(join(optMl, 'input/config/hyperparameters.json'), JSON.stringify(todo));
    for (const name of ['resourceconfig', 'inputdataconfig'])
      await writeFile(join(optMl, `input/config/${name}.json`), '{}');
    const sandbox = await createSandbox({
      stateDir,
      log: pino({ level: 'silent' }),
      env: process.env,
      mode: 'plain',
    });
    try {
      const { exited } = await sandbox.start({
        image: probeImage,
        command: 'train',
        optMl,
        env: {},
        logFile: join(stateDir, 'log'),
        mounts: [
          { folder, path: 'input/data/images', readOnly: true },
          { folder, path: 'input/data/shared', readOnly: false },
        ],
      });
      expect(await exited).toMatchObject({ code: 0 });
    } finally {
      await sandbox.close();
    }
    expect((await readdir(folder)).sort()).toEqual(['cats', 'through']);
    await rm(join(folder, 'through'));
  });
});
