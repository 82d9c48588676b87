import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type Logger } from '@temporalio/worker';

const here = dirname(fileURLToPath(import.meta.url));
const extension = extname(fileURLToPath(import.meta.url));

/** Folder that holds the bundles, beside the compiled code: dist/bundles. */
function bundleDir(): string {
  let root = here;
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, 'dist', 'bundles');
}

/**
 * Path of the workflow bundle of this very code, made if it isn't there yet (1–2 s) and found by the hash of its sources otherwise,
 * so that a worker never runs workflows other than its own.
 */
export async function workflowBundle(logger?: Logger): Promise<{ codePath: string }> {
  const dir = bundleDir();
  const codePath = join(dir, `workflows-${await fingerprint()}.js`);
  if (existsSync(codePath)) return { codePath };
  const workflowsPath = join(here, '..', 'workflows', `index${extension}`);
  const { code } = await bundleWorkflowCode({ workflowsPath, ...(logger ? { logger } : {}) });
  const aside = `${codePath}.${process.pid}.tmp`;
  await mkdir(dir, { recursive: true });
  await writeFile(aside, code);
  await rename(aside, codePath);
  await Promise.all(
    (await readdir(dir))
      .filter((name) => isOutdated(name, codePath))
      .map((name) => rm(join(dir, name), { force: true })),
  );
  return { codePath };
}

const isOutdated = (name: string, current: string) => name.endsWith(`${extension}.js`) && !current.endsWith(name);

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256');
  const worker = await readFile(fileURLToPath(import.meta.resolve('@temporalio/worker/package.json')), 'utf8');
  hash.update((JSON.parse(worker) as { version: string }).version);
  for (const folder of ['workflows', 'contracts']) {
    const entries = await readdir(join(here, '..', folder), { recursive: true });
    for (const name of entries.filter((entry) => entry.endsWith(extension)).sort()) {
      hash.update(name).update(await readFile(join(here, '..', folder, name)));
    }
  }
  return `${hash.digest('hex').slice(0, 16)}${extension}`;
}
