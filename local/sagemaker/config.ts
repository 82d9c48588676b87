import { z } from 'zod';
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
  SAGEMAKER_LOCAL_PORT: z.coerce.number().int().min(0).max(65535).default(0).describe('Port on loopback; 0 picks one'),
  SAGEMAKER_LOCAL_STATE_DIR: z.string().min(1).describe('Folder of resources, job folders and logs'),
  SAGEMAKER_LOCAL_IMAGES: mapSchema('{"<repository or image URI>":"<folder>"}')
    .default({})
    .describe('JSON map: repository or image URI -> folder'),
  SAGEMAKER_LOCAL_FILE_SYSTEMS: mapSchema('{"<file system id>":"<folder>"}')
    .default({})
    .describe('JSON map: file system id -> folder; others are efs/<id> of the state folder'),
  AWS_REGION: z.string().min(1).default('us-east-1'),
});

/** Reads the process's configuration. Throws one error that names every fault. */
export function configFromEnv(env: NodeJS.ProcessEnv): SageMakerConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) throw new Error(`the local SageMaker's environment is wrong:\n${z.prettifyError(parsed.error)}`);
  return {
    host: '127.0.0.1',
    port: parsed.data.SAGEMAKER_LOCAL_PORT,
    region: parsed.data.AWS_REGION,
    accountId: LOCAL_ACCOUNT_ID,
    stateDir: parsed.data.SAGEMAKER_LOCAL_STATE_DIR,
    images: parsed.data.SAGEMAKER_LOCAL_IMAGES,
    fileSystems: parsed.data.SAGEMAKER_LOCAL_FILE_SYSTEMS,
  };
}
