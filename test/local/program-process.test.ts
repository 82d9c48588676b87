import { mkdir, mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLog, pruneLogs } from '../../local/sagemaker/runtime/log-file.js';
import { startProcess } from '../../local/sagemaker/runtime/process.js';
import { createSandbox, type HostSandbox } from '../../local/sagemaker/runtime/sandbox.js';
import { probeImage } from './fixtures/sagemaker.js';

let dir: string;
let sandbox: HostSandbox;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'programs-'));
  sandbox = await createSandbox({ stateDir: dir, log: pino({ level: 'silent' }), env: process.env });
});
afterAll(async () => {
  await sandbox.close();
  await rm(dir, { recursive: true, force: true });
});

describe('a program that is stopped as soon as it is started', () => {
  it.each([0, 2, 4, 6, 8, 10, 12, 15, 20])('gets SIGTERM %i ms after its start', async (delayMs) => {
    const optMl = await mkdtemp(join(dir, 'opt-ml-'));
    const spec = { image: probeImage, command: 'train' as const, optMl, env: {}, logFile: join(dir, 'log') };
    const container = await sandbox.start(spec);
    await sleep(delayMs);
    const asked = Date.now();
    await container.stop(20_000);
    expect(Date.now() - asked).toBeLessThan(5_000);
  });
});

describe('the output of a program', () => {
  async function lines(script: string): Promise<string[]> {
    const told: string[] = [];
    const logFile = join(dir, 'output.log');
    await rm(logFile, { force: true });
    const container = await startProcess({
      argv: [process.execPath, '-e', script],
      env: {},
      cwd: dir,
      logFile,
      onLogLost: (error) => expect.unreachable(String(error)),
      onLine: (line) => told.push(line),
    });
    await container.exited;
    return told;
  }

  it('is read line by line, whichever way a line ends', async () => {
    const told = await lines(`process.stdout.write('a\\rb\\r\\nc\\n\\n'); process.stdout.write(Buffer.from('é'))`);
    expect(told).toEqual(['a', 'b', 'c', 'é']);
  });

  it('is read without keeping a line that never ends, and logged in full', async () => {
    const told = await lines(`process.stdout.write('x'.repeat(1e6)); process.stdout.write('y'.repeat(1e6))`);
    expect(told).toEqual(['x'.repeat(4096)]);
    expect((await readFile(join(dir, 'output.log'))).length).toBe(2e6);
  });

  it.runIf(process.platform === 'linux')('is not waited for where a child that left its group holds it', async () => {
    const started = Date.now();
    await lines(
      `require('node:child_process').spawn('setsid', ['sleep', '8'], { stdio: 'inherit' }); setTimeout(process.exit, 200)`,
    );
    expect(Date.now() - started).toBeLessThan(6_000);
  });

  it.runIf(process.platform === 'linux')('is lost, and said to be once, where the disk is full', () => {
    const lost: unknown[] = [];
    const log = openLog('/dev/full', (error) => lost.push(error));
    log.write(Buffer.from('one'));
    log.write(Buffer.from('two'));
    log.close();
    expect(lost).toEqual([expect.objectContaining({ code: 'ENOSPC' })]);
  });
});

describe('the logs of jobs', () => {
  it('are kept for the newest 200', async () => {
    const root = join(dir, 'jobs');
    for (let i = 0; i < 203; i++) {
      const folder = join(root, `job-${i}`);
      await mkdir(folder, { recursive: true });
      await utimes(folder, 1000 + i, 1000 + i);
    }
    await pruneLogs(root);
    const left = await readdir(root);
    expect(left).toHaveLength(200);
    expect(left).not.toContain('job-2');
    expect(left).toContain('job-3');
  });
});
