import { BatchGetImageCommand, type ECRClient } from '@aws-sdk/client-ecr';
import { DIGEST, type ImageName } from '../../../contracts/images.js';
import { MANIFEST_TYPES } from './registry.js';

export interface EcrRepository {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
  readonly tag: string;
}

const HOST = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

/** Where in ECR an image is; undefined if its registry is another one. */
export function ecrRepository({ registry = '', repository, tag = 'latest' }: ImageName): EcrRepository | undefined {
  const [, account, region] = HOST.exec(registry) ?? [];
  return account && region ? { account, region, repository, tag } : undefined;
}

/** The digest that ECR has under a tag. Throws an Error whose message says why there is none. */
export async function digestInEcr(
  client: ECRClient,
  { account, region, repository, tag }: EcrRepository,
  signal: AbortSignal,
): Promise<string> {
  const where = `repository ${repository} of account ${account} in ${region}`;
  const command = new BatchGetImageCommand({
    registryId: account,
    repositoryName: repository,
    imageIds: [{ imageTag: tag }],
    acceptedMediaTypes: [...MANIFEST_TYPES],
  });
  const { images = [], failures = [] } = await client.send(command, { abortSignal: signal }).catch((error: Error) => {
    const right = error.name === 'AccessDeniedException' ? ', which takes the right ecr:BatchGetImage' : '';
    throw new Error(`ECR does not say what ${tag} is in ${where}${right}: ${error.name}: ${error.message}`, {
      cause: error,
    });
  });
  const digest = images[0]?.imageId?.imageDigest;
  if (digest !== undefined && DIGEST.test(digest)) return digest;
  throw new Error(`ECR has no image ${tag} in ${where}${failures[0] ? ` (${failures[0].failureCode})` : ''}`);
}
