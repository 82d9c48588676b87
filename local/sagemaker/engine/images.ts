import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Engine } from '../../../engine/engine.js';
import { buildImage } from '../../../engine/build.js';
import { pullImage } from '../../../engine/pull.js';
import { registryOf } from '../../../engine/reference.js';
import type { Progress } from '../../tools/install.js';
import type { ProgramImages } from '../context.js';
import { findImage } from '../images.js';
import { aborted } from '../runtime/aborted.js';

const BY_DIGEST = /@sha256:[0-9a-f]{64}$/;

/**
 * Images of a container engine. One that is mapped to a folder is built from its Dockerfile; one mapped to a reference
 * is that; any other URI, and one by digest, is the image's own name. Images of a registry are pulled each time, as SageMaker does, so that a
 * tag that moved is seen; those named by digest only where the engine does not have them.
 */
export function createEngineImages(
  engine: Engine,
  options: {
    readonly images: Readonly<Record<string, string>>;
    readonly buildArgs: Readonly<Record<string, string>>;
    readonly log: Logger;
  },
): ProgramImages {
  const underWay = new Map<string, Promise<string>>();

  const make = async (image: string, say: Progress): Promise<string> => {
    if (await isFolder(image)) {
      const built = await buildImage(engine, image, { buildArgs: options.buildArgs, onLine: say });
      return built.reference;
    }
    const registry = registryOf(image);
    if (registry && BY_DIGEST.test(image) && (await engine.has('image', image))) return image;
    if (registry) await pullImage(engine, image, registry, { onLine: say });
    else if (!(await engine.has('image', image))) {
      throw new Error(
        `${engine.name} has no image "${image}": build it, name it with its registry, or map it in SAGEMAKER_LOCAL_IMAGES to a folder with a Dockerfile or to an image.`,
      );
    }
    return image;
  };

  return {
    // A digest names one image and no other: that of a repository called as a mapped one is not to be taken for it.
    find: (uri) => (BY_DIGEST.test(uri) ? options.images[uri] : findImage(options.images, uri)) ?? uri,
    async prepare(image, say = () => undefined, signal) {
      signal?.throwIfAborted();
      let making = underWay.get(image);
      if (!making) {
        const tell = (line: string): void => {
          options.log.info({ image }, line);
          say(`Preparing the image: ${line}`);
        };
        making = make(image, tell).finally(() => underWay.delete(image));
        underWay.set(image, making);
      }
      // Whoever stops waiting leaves the build to the others.
      making.catch(() => undefined);
      return signal ? Promise.race([making, aborted(signal, making)]) : making;
    },
    close: async () => void (await Promise.allSettled(underWay.values())),
  };
}

async function isFolder(image: string): Promise<boolean> {
  return stat(image).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
