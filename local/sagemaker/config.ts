import { z } from 'zod';
import { ENGINE_NAMES } from '../../engine/engine.js';
import { listenAddress, LOOPBACK } from '../addresses.js';
import type { SageMakerConfig } from './context.js';

/** MiniStack's account; it owns the keys and buckets that jobs name. */
const LOCAL_ACCOUNT_ID = '000000000000';

const mapSchema = (example: string) =>
  z
    .string()
    .transform((text, issue): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        issue.addIssue({ code: 'custom', message: `is not JSON; expected ${example}` });
        return z.NEVER;
      }
    })
    .pipe(z.record(z.string().min(1), z.string().min(1)));

const environment = z.object({
  SAGEMAKER_LOCAL_HOST: listenAddress.default(LOOPBACK).describe('IP address to listen on'),
  SAGEMAKER_LOCAL_PORT: z.coerce.number().int().min(0).max(65535).default(0).describe('Port there; 0 picks one'),
  SAGEMAKER_LOCAL_STATE_DIR: z.string().min(1).describe('Folder of resources, job folders and logs'),
  SAGEMAKER_LOCAL_IMAGES: mapSchema('{"<repository or image URI>":"<folder>"}')
    .default({})
    .describe('JSON map: repository or image URI -> folder'),
  SAGEMAKER_LOCAL_FILE_SYSTEMS: mapSchema('{"<file system id>":"<folder>"}')
    .default({})
    .describe('JSON map: file system id -> folder; others are efs/<id> of the state folder'),
  SAGEMAKER_LOCAL_ENGINE: z
    .enum([...ENGINE_NAMES, 'auto', ''])
    .default('')
    .describe('Container engine that programs run in; processes without'),
  SAGEMAKER_LOCAL_ENGINE_NETWORK: z.string().default('').describe("The engine's network that this server is in"),
  SAGEMAKER_LOCAL_ENGINE_VOLUME: z
    .string()
    .default('')
    .describe("The engine's volume that is mounted at the state folder, where this server is a container"),
  SAGEMAKER_LOCAL_GPUS: z.enum(['', '0', '1']).default('').describe('1 passes GPUs to instance types that have some'),
  SAGEMAKER_LOCAL_BUILD_ARGS: mapSchema('{"BASE":"<image>"}')
    .default({})
    .describe('JSON map: build arguments of mapped folders'),
  AWS_REGION: z.string().min(1).default('us-east-1'),
});

/** Reads the process's configuration. Throws one error that names every fault. */
export function configFromEnv(env: NodeJS.ProcessEnv): SageMakerConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) throw new Error(`the local SageMaker's environment is wrong:\n${z.prettifyError(parsed.error)}`);
  const {
    SAGEMAKER_LOCAL_ENGINE: name,
    SAGEMAKER_LOCAL_ENGINE_NETWORK: network,
    SAGEMAKER_LOCAL_ENGINE_VOLUME: volume,
    SAGEMAKER_LOCAL_GPUS: gpus,
    SAGEMAKER_LOCAL_BUILD_ARGS: buildArgs,
  } = parsed.data;
  return {
    host: parsed.data.SAGEMAKER_LOCAL_HOST,
    port: parsed.data.SAGEMAKER_LOCAL_PORT,
    region: parsed.data.AWS_REGION,
    accountId: LOCAL_ACCOUNT_ID,
    stateDir: parsed.data.SAGEMAKER_LOCAL_STATE_DIR,
    images: parsed.data.SAGEMAKER_LOCAL_IMAGES,
    fileSystems: parsed.data.SAGEMAKER_LOCAL_FILE_SYSTEMS,
    ...(name === ''
      ? {}
      : {
          engine: { name, network: network || undefined, volume: volume || undefined, gpus: gpus === '1', buildArgs },
        }),
  };
}
