import { S3Client } from '@aws-sdk/client-s3';
import type { CheckDataInput } from '../../contracts/activities.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataActivities } from '../../activities/index.js';
import { startFaultProxy, type FaultProxy } from '../../bench/support/faults/index.js';
import { AWS, World } from './support/world.js';

let world: World;
let proxy: FaultProxy;
let s3: S3Client;
beforeEach(async () => {
  world = await World.make();
  await world.putAll(['2026-01-01.csv', '2026-01-02.csv']);
  const { endpoint } = AWS;
  proxy = await startFaultProxy({ urls: { aws: endpoint, sagemaker: endpoint, slack: endpoint, postgres: endpoint } });
  s3 = new S3Client({ ...AWS, endpoint: proxy.env['AWS_ENDPOINT_URL'] });
});
afterEach(async () => {
  s3.destroy();
  world.close();
  await proxy.close();
});

/** An attempt whose first call of this operation is answered by a page with status 200. */
async function attempt(input: CheckDataInput, operation: string): Promise<{ news: boolean } | Error> {
  const { checkData } = createDataActivities({ ...world, s3, region: AWS.region });
  proxy.book.begin(world.model);
  let sprung = false;
  const key = `S3.${operation}`;
  proxy.book.set({ key, nth: 1, kind: 'wrong body', times: 1, sprung: () => (sprung = true) });
  const ended = await world.run(checkData, input).catch((error: Error) => error);
  expect(sprung).toBe(true);
  return ended;
}

describe('a page that is given in place of S3', () => {
  it.each([
    ['is no empty listing', 'ListObjectVersions data/x/train/'],
    ['is no record', 'GetObject models/<model>/deployed.json'],
    ['is no confirmation of a write', 'PutObject models/<model>/runs/<run>/files.json'],
  ])('%s', async (_, operation) => {
    await world.deploy();
    await world.put('2026-01-03.csv');
    const input = world.input();
    expect(await attempt(input, operation)).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(await world.run(world.data.checkData, input)).toMatchObject({ news: true, files: 3 });
  });
});
