import { compiled, packagePath } from '../paths.js';
import { answers, plainEnv, type ProcessSpec, type ServiceContext } from './service.js';

/** Image repository -> folder with its `train` and `serve`. The built-in algorithms' repositories carry these names in every region. */
const images = { 'linear-learner': packagePath('examples', 'images', 'linear-learner') };

/** The local SageMaker: see local/sagemaker. `awsEnv` leads it to S3, KMS and EventBridge. */
export function sagemakerService(
  ctx: ServiceContext,
  port: number,
  awsEnv: Readonly<Record<string, string>>,
): ProcessSpec {
  return {
    name: 'sagemaker',
    command: process.execPath,
    args: [compiled('local/sagemaker/main')],
    env: {
      ...plainEnv(),
      ...awsEnv,
      SAGEMAKER_LOCAL_PORT: String(port),
      SAGEMAKER_LOCAL_STATE_DIR: ctx.dir,
      SAGEMAKER_LOCAL_IMAGES: JSON.stringify(images),
    },
    readyWithinMs: 30_000,
    stopSignal: 'SIGTERM',
    // It drains endpoints and stops training programs first.
    stopWithinMs: 20_000,
    ready: () => answers(`http://127.0.0.1:${port}/_local/health`),
  };
}
