import type { S3Client } from '@aws-sdk/client-s3';
import type { copyFromS3 } from './copy.js';
import type { unloadToS3 } from './unload.js';

/** COPY, UNLOAD and the client of S3 that they take, loaded at their first use: most starts of local mode see neither. */
export type Transfers = () => Promise<Loaded>;

interface Loaded {
  readonly s3: S3Client;
  readonly copyFromS3: typeof copyFromS3;
  readonly unloadToS3: typeof unloadToS3;
}

async function load(endpoint: string, env: NodeJS.ProcessEnv): Promise<Loaded> {
  const [{ s3Client }, { copyFromS3 }, { unloadToS3 }] = await Promise.all([
    import('./s3.js'),
    import('./copy.js'),
    import('./unload.js'),
  ]);
  return { s3: s3Client(endpoint, env), copyFromS3, unloadToS3 };
}

/**
 * What COPY and UNLOAD need, for the S3 that the environment names.
 * @throws Error if it names none, so that nothing local ever reaches AWS
 */
export function loadTransfers(env: NodeJS.ProcessEnv): { load: Transfers; close(): Promise<void> } {
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  if (!endpoint) throw new Error("AWS_ENDPOINT_URL is not set: set it to the emulator's URL, for COPY and UNLOAD");
  let loaded: Promise<Loaded> | undefined;
  return {
    load: () => (loaded ??= load(endpoint, env)),
    close: async () => (await loaded)?.s3.destroy(),
  };
}
