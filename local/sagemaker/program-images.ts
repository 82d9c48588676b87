import type { ProgramImages } from './context.js';
import { findImage } from './images.js';
import type { ImageEnvironments } from './runtime/image-environment.js';

/** Images whose programs run as processes: folders, with the Python packages they bring. */
export function createFolderImages(
  images: Readonly<Record<string, string>>,
  environments: ImageEnvironments,
): ProgramImages {
  return {
    find: (uri) => findImage(images, uri),
    async prepare(folder, say, signal) {
      await environments.prepare(folder, say, signal);
      return folder;
    },
    close: () => environments.close(),
  };
}
