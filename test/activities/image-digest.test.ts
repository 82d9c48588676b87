import { ECRClient } from '@aws-sdk/client-ecr';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDigestOf } from '../../activities/training/digest/index.js';
import { parseImage } from '../../contracts/images.js';
import { TestRegistry } from '../support/registry.js';
import { Refusal, ScriptedSageMaker } from './support/scripted-sagemaker.js';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const OCI = 'application/vnd.oci.image.manifest.v1+json';
const never = (): ECRClient => {
  throw new Error('ECR was asked');
};

describe("the parts of an image's URI", () => {
  it.each([
    [`${ECR}/team/churn:1`, { registry: ECR, repository: 'team/churn', tag: '1' }],
    ['localhost:5000/churn', { registry: 'localhost:5000', repository: 'churn', tag: 'latest' }],
    [`ghcr.io/acme/churn:1@${DIGEST}`, { registry: 'ghcr.io', repository: 'acme/churn', digest: DIGEST }],
    ['team/churn:1', { repository: 'team/churn', tag: '1' }],
    ['churn', { repository: 'churn', tag: 'latest' }],
  ])('%s', (uri, parts) => {
    expect(parseImage(uri)).toEqual(parts);
  });
});

describe('the digest of an image', () => {
  let registry: TestRegistry;
  beforeEach(async () => {
    registry = await new TestRegistry().start();
  });
  afterEach(() => registry.stop());

  const digestOf = (image: string, withinMs?: number) => createDigestOf({ ecr: never, withinMs })(image);
  const reason = (text: string | RegExp) => ({ imageDigestMissing: expect.stringMatching(text) });

  it('is what the URI says, and nobody is asked', async () => {
    expect(await digestOf(`${registry.host}/churn:1@${DIGEST}`)).toEqual({ imageDigest: DIGEST });
    expect(await digestOf(`${ECR}/churn@${DIGEST}`)).toEqual({ imageDigest: DIGEST });
    expect(await digestOf('churn@sha256:abc')).toEqual(reason('sha256:abc, which is no sha256 digest'));
    expect(await digestOf('churn:1')).toEqual(reason('names no registry'));
    expect(registry.requests).toEqual([]);
  });

  it.each([OCI, 'application/vnd.oci.image.index.v1+json'])(
    'is what the registry has under the tag (%s)',
    async (type) => {
      const digest = registry.put('team/churn', '1', type, { schemaVersion: 2 });
      expect(await digestOf(`${registry.host}/team/churn:1`)).toEqual({ imageDigest: digest });
      expect(registry.requests).toEqual(['HEAD /v2/team/churn/manifests/1']);
    },
  );

  it('is computed where the registry does not name it', async () => {
    registry.hidesDigest = true;
    const digest = registry.put('churn', 'latest', OCI, { schemaVersion: 2 });
    expect(await digestOf(`${registry.host}/churn`)).toEqual({ imageDigest: digest });
  });

  it('is asked for with the token that anybody gets', async () => {
    registry.wantsToken = true;
    const digest = registry.put('churn', '1', OCI, { schemaVersion: 2 });
    expect(await digestOf(`${registry.host}/churn:1`)).toEqual({ imageDigest: digest });
    expect(registry.requests).toEqual(['HEAD /v2/churn/manifests/1', 'GET /token', 'HEAD /v2/churn/manifests/1']);
  });

  it('is not asked for where a token is to be had over plain HTTP, elsewhere', async () => {
    registry.wantsToken = true;
    registry.realm = 'http://registry.example.com/token';
    expect(await digestOf(`${registry.host}/churn:1`)).toEqual(
      reason('at http://registry.example.com, over plain HTTP'),
    );
  });

  it('that cannot be had is a reason in words', async () => {
    const image = `${registry.host}/churn:1`;
    expect(await digestOf(image)).toEqual(reason(/^127.*:\d+ has no image churn:1 \(404\)$/));
    registry.fault = { status: 401, code: 'UNAUTHORIZED' };
    expect(await digestOf(image)).toEqual(reason(/says it to nobody without an account \(401\)$/));
    registry.fault = { status: 503, code: 'UNAVAILABLE' };
    expect(await digestOf(image)).toEqual(reason(/answered 503$/));
    registry.fault = 'silent';
    expect(await digestOf(image, 300)).toEqual(reason(/did not answer within 0\.3 s$/));
    await registry.stop();
    expect(await digestOf(image)).toEqual(reason(/does not answer: ECONNREFUSED$/));
    await registry.start();
  });
});

describe('the digest of an image in ECR', () => {
  let server: ScriptedSageMaker | undefined;
  afterEach(() => server?.close());

  async function digestOf(answer: Parameters<typeof ScriptedSageMaker.start>[0][string], image: string) {
    server = await ScriptedSageMaker.start({ 'AmazonEC2ContainerRegistry_V20150921.BatchGetImage': answer });
    const { config } = server;
    const regions: string[] = [];
    const ecr = (region: string) => {
      regions.push(region);
      return new ECRClient({ ...config, region, maxAttempts: 1 });
    };
    return { identity: await createDigestOf({ ecr })(image), regions };
  }

  it('is asked for in its region, of its account', async () => {
    const found = { images: [{ imageId: { imageDigest: DIGEST, imageTag: '1' } }], failures: [] };
    expect(await digestOf(found, `${ECR}/team/churn:1`)).toEqual({
      identity: { imageDigest: DIGEST },
      regions: ['eu-west-1'],
    });
    expect(server?.calls).toMatchObject([
      { input: { registryId: '123456789012', repositoryName: 'team/churn', imageIds: [{ imageTag: '1' }] } },
    ]);
  });

  it('in China too', async () => {
    const { regions } = await digestOf(
      { images: [] },
      '390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/linear-learner:1',
    );
    expect(regions).toEqual(['cn-north-1']);
  });

  it.each([
    [
      new Refusal('AccessDeniedException', 'User x is not authorized to perform: ecr:BatchGetImage'),
      /^ECR does not say what 1 is in repository churn of account 123456789012 in eu-west-1, which takes the right ecr:BatchGetImage: AccessDenied/,
    ],
    [
      { images: [], failures: [{ failureCode: 'ImageNotFound', imageId: { imageTag: '1' } }] },
      /^ECR has no image 1 in repository churn of account 123456789012 in eu-west-1 \(ImageNotFound\)$/,
    ],
  ])('that cannot be had is a reason in words', async (answer, words) => {
    const { identity } = await digestOf(answer, `${ECR}/churn:1`);
    expect(identity).toEqual({ imageDigestMissing: expect.stringMatching(words) });
  });

  it('that does not come in time holds nothing up', async () => {
    // Nothing listens there, and credentials never come.
    const ecr = () =>
      new ECRClient({ region: 'eu-west-1', credentials: () => new Promise(() => undefined), maxAttempts: 1 });
    const began = Date.now();
    expect(await createDigestOf({ ecr, withinMs: 200 })(`${ECR}/churn:1`)).toEqual({
      imageDigestMissing: `${ECR} did not answer within 0.2 s`,
    });
    expect(Date.now() - began).toBeLessThan(5_000);
  });
});
