import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, inject, vi } from 'vitest';
import { removeObject } from '../../client/exchange.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { PurgeInput, PurgeWork } from '../../contracts/purge/index.js';
import { awsClients } from '../support/aws.js';
import { script } from '../support/scripted-activities.js';
import { clientEnvironment, stubAws, type ClientEnvironment } from './environment.js';
import { call } from './terminal.js';

export const WHY = ['--reason', 'erasure request'];

/** What the tests of a file about purges share: a worker that plays one, a bucket, and the lists that it was given. Call it at the top of a file. */
export function purgeSetting() {
  const name = randomUUID().slice(0, 8);
  const bucket = `purge-${name}`;
  const { s3 } = awsClients(inject('aws').endpoint);
  const happy = script().activities;
  const lists: string[] = [];
  let at: ClientEnvironment;
  let requests = 0;

  const textOf = async (uri: string): Promise<string> => {
    const { bucket: Bucket, key: Key } = parseS3Uri(uri);
    return (await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()) ?? '';
  };
  const inspectTargets = async (input: PurgeWork) => {
    const text = await textOf(input.targetsUri);
    lists.push(text);
    const lines = text.trimEnd().split('\n');
    const count = (member: string) => lines.filter((line) => member in (JSON.parse(line) as object)).length;
    return {
      ...(await happy.inspectTargets(input)),
      objects: count('key'),
      prefixes: count('prefix'),
      values: count('value'),
    };
  };
  const forgetTargets = async ({ targetsUri }: PurgeWork) => {
    const { bucket: at, key } = parseS3Uri(targetsUri);
    await removeObject(s3, at, key);
  };

  beforeAll(async () => {
    stubAws();
    at = await clientEnvironment();
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    at.override({ inspectTargets, forgetTargets });
  });
  afterEach(() => {
    lists.length = 0;
    at.override({ inspectTargets, forgetTargets });
  });
  afterAll(async () => {
    await at.close();
    s3.destroy();
    vi.unstubAllEnvs();
  });

  return {
    ...{ bucket, s3, happy, lists, inspectTargets, forgetTargets },
    get at() {
      return at;
    },
    perennial: (...argv: string[]) => call(at.env, ['purge', ...argv]),
    uri: (key: string) => `s3://${bucket}/${key}`,
    mint: () => `R-${name}-${(requests += 1)}`,
    /** What the newest purge of a request was started with. */
    async startedWith(request: string): Promise<PurgeInput> {
      const { events } = await at.client.workflow.getHandle(`purge/${request}`).fetchHistory();
      const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
      return defaultPayloadConverter.fromPayload<PurgeInput>(input as never);
    },
    /** How many objects are left of Perennial's own. */
    async left(): Promise<number> {
      const { KeyCount = 0 } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: '_perennial/' }));
      return KeyCount;
    },
  };
}
