import type { Logger } from 'pino';
import { findEngine } from '../../engine/find.js';
import type { ClosableSandbox, ProgramImages, SageMakerConfig } from './context.js';
import { createEngineImages } from './engine/images.js';
import { createEngineSandbox } from './engine/index.js';
import { createFolderImages } from './program-images.js';
import { createImageEnvironments } from './runtime/image-environment.js';
import { createSandbox, roleOf } from './runtime/sandbox.js';

/** Where the programs of images run, as the configuration says, and how images get there. */
export async function openPrograms(
  { stateDir, images, engine: chosen }: SageMakerConfig,
  { env, log }: { readonly env: NodeJS.ProcessEnv; readonly log: Logger },
): Promise<{ readonly sandbox: ClosableSandbox; readonly images: ProgramImages }> {
  if (!chosen) {
    const imageEnvironments = createImageEnvironments(log);
    const sandbox = await createSandbox({ stateDir, log, env, imageEnvironments });
    return { sandbox, images: createFolderImages(images, imageEnvironments) };
  }
  const engine = await findEngine(chosen.name);
  const { network, volume, gpus, buildArgs = {} } = chosen;
  return {
    sandbox: await createEngineSandbox({ engine, stateDir, log, network, volume, gpus, role: roleOf(env) }),
    images: createEngineImages(engine, { images, buildArgs, log }),
  };
}
