import type { EngineName } from '../../engine/engine.js';
import { compiled, packagePath } from '../paths.js';
import { installerEnv } from '../tools/install.js';
import { answers, plainEnv, responds, type ProcessSpec, type ServiceContext } from './service.js';

/** Image repository -> folder with its `train` and `serve`. The built-in algorithms' repositories carry these names in every region. */
const BUILT_IN = {
  'linear-learner': packagePath('examples', 'images', 'linear-learner'),
  'sagemaker-xgboost': packagePath('examples', 'images', 'xgboost'),
  xgboost: packagePath('examples', 'images', 'xgboost'),
};

/** The built-in images and those of SAGEMAKER_LOCAL_IMAGES, a JSON map of repository name or URI to folder. */
function images(): Record<string, string> {
  const own = process.env.SAGEMAKER_LOCAL_IMAGES;
  if (!own) return BUILT_IN;
  try {
    return { ...BUILT_IN, ...(JSON.parse(own) as Record<string, string>) };
  } catch (error) {
    throw new Error('SAGEMAKER_LOCAL_IMAGES must be JSON such as {"my-image": "/folder/with/train/and/serve"}', {
      cause: error,
    });
  }
}

/** Folders that stand for file systems, where SAGEMAKER_LOCAL_FILE_SYSTEMS maps some. */
function fileSystems(): Record<string, string> {
  const own = process.env.SAGEMAKER_LOCAL_FILE_SYSTEMS;
  return own ? { SAGEMAKER_LOCAL_FILE_SYSTEMS: own } : {};
}

/** What tells an engine's command where its daemon, its state and the credentials of its `login` are. */
const OF_AN_ENGINE =
  /^(DOCKER_\w+|CONTAINER_\w+|CONTAINERS_\w+|REGISTRY_AUTH_FILE|XDG_\w+|DBUS_SESSION_BUS_ADDRESS|SAGEMAKER_LOCAL_(GPUS|BUILD_ARGS))$/;

function engineEnv(engine: EngineName | undefined): Record<string, string | undefined> {
  if (!engine) return {};
  const own = Object.entries(process.env).filter(([variable]) => OF_AN_ENGINE.test(variable));
  return { ...Object.fromEntries(own), SAGEMAKER_LOCAL_ENGINE: engine };
}

/** The local SageMaker: see local/sagemaker. `awsEnv` leads it to S3, KMS and EventBridge. */
export function sagemakerService(
  ctx: ServiceContext,
  port: number,
  awsEnv: Readonly<Record<string, string>>,
  engine?: EngineName,
): ProcessSpec {
  return {
    name: 'sagemaker',
    command: process.execPath,
    args: [compiled('local/sagemaker/main')],
    env: {
      ...plainEnv(),
      // Images may bring Python packages, which are installed on first use.
      ...installerEnv(),
      ...awsEnv,
      SAGEMAKER_LOCAL_PORT: String(port),
      SAGEMAKER_LOCAL_STATE_DIR: ctx.dir,
      SAGEMAKER_LOCAL_IMAGES: JSON.stringify(images()),
      ...fileSystems(),
      ...engineEnv(engine),
    },
    alive: () => responds(`http://127.0.0.1:${port}/_local/health`),
    readyWithinMs: 30_000,
    stopSignal: 'SIGTERM',
    // It drains endpoints and stops training programs first; a program has 30 s.
    stopWithinMs: 40_000,
    ready: () => answers(`http://127.0.0.1:${port}/_local/health`),
  };
}
