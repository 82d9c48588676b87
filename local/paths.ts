import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let root: string | undefined;

/** Folder of package.json, the same whether this file runs from `local/` or from `dist/local/`. */
function packageRoot(): string {
  if (root !== undefined) return root;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  root = folder;
  return root;
}

/** A file or folder of the package, named relative to its root: `packagePath('examples', 'images')`. */
export function packagePath(...parts: string[]): string {
  return join(packageRoot(), ...parts);
}

/** Compiled form of a source file, the one that processes run: `compiled('worker/main')`. */
export function compiled(module: string): string {
  return packagePath('dist', `${module}.js`);
}
