#!/usr/bin/env node
// `npm test [-- arguments of vitest]`: installs, builds, runs, and closes with one line of counts.
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare, run } from './run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The counts of vitest's JSON report. A file that could not even be loaded counts as one failure. */
async function counts(report) {
  const text = await readFile(report, 'utf8').catch(() => undefined);
  if (text === undefined) return { passed: 0, failed: 1 };
  const result = JSON.parse(text);
  const unloaded = result.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  return { passed: result.numPassedTests, failed: result.numFailedTests + unloaded.length };
}

/** Stops the services of every stack in the folder: there are some only if vitest was killed before it could stop them. */
async function stopServices(folder) {
  const { stopLocal } = await import('../dist/local/index.js');
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => basename(name) === 'local.json'))
    await stopLocal(join(folder, dirname(file)));
}

await run(async () => {
  await prepare({ python: true });
  // Every temporary file of the run goes in here, so that none outlives it, however it ends.
  const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  // Started by root, PostgreSQL runs as another user, who has to get in.
  await chmod(folder, 0o755);
  const report = join(folder, 'report.json');
  const stateDir = join(folder, 'stack');
  const args = [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ];
  // The terminal sends Ctrl-C to vitest as well: this only has to outlive it.
  process.on('SIGINT', () => undefined);
  const code = await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, TMPDIR: folder, PERENNIAL_TEST_STATE_DIR: stateDir },
    });
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
  });
  const { passed, failed } = await counts(report);
  await stopServices(folder);
  await rm(folder, { recursive: true, force: true });
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : code;
});
