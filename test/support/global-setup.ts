import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startLocal } from '../../local/index.js';
import { packagePath } from '../../local/paths.js';
import { timeSkippingServer } from '../../local/tools/temporal.js';

/** One MiniStack, one Temporal dev server and one PostgreSQL for the whole run, on free ports, in a folder that is removed. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // `npm test` names the folder, so that it can clean up even after a run that was killed.
  const named = process.env.PERENNIAL_TEST_STATE_DIR;
  const stateDir = named ?? (await mkdtemp(join(tmpdir(), 'perennial-test-')));
  // Started by root, PostgreSQL runs as another user, who has to get in.
  if (named === undefined) await chmod(stateDir, 0o755);
  // Tests that start programs start compiled ones.
  const { build } = (await import(pathToFileURL(packagePath('bin', 'build.mjs')).href)) as {
    build(): Promise<unknown>;
  };
  await build();
  const path = await timeSkippingServer((line) => console.error(line));
  const stack = await startLocal({
    stateDir,
    services: ['temporal', 'aws', 'postgres'],
    ports: { temporal: 0, ui: 0, aws: 0, postgres: 0 },
    persist: false,
    onProgress: (line) => console.error(line),
  });
  const { aws = '', temporal = '', postgres = '' } = stack.urls;
  project.provide('aws', { endpoint: aws });
  project.provide('temporal', { address: temporal, namespace: stack.env.TEMPORAL_NAMESPACE ?? '' });
  project.provide('timeSkipping', { path });
  project.provide('postgres', { url: postgres });
  return async () => {
    await stack.stop();
    await rm(stateDir, { recursive: true, force: true });
  };
}
