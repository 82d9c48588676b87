import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEnvFile, startDetached, startLocal, stopLocal } from '../../local/index.js';
import { exists, temporaryFolder, until } from '../support/local.js';

const localJson = async (stateDir: string) => JSON.parse(await readFile(join(stateDir, 'local.json'), 'utf8'));

describe('in the background', () => {
  const background = async (stateDir: string) => {
    const lines: string[] = [];
    const started = await startDetached({
      stateDir,
      services: ['slack'],
      ports: { slack: 0 },
      onProgress: (line) => lines.push(line),
    });
    return { ...started, lines, service: (await localJson(stateDir)).children.slack.pid as number };
  };

  it('stays until it is stopped, with everything it started', async () => {
    const stateDir = await temporaryFolder();
    const { pid, env, service } = await background(stateDir);
    expect(await readEnvFile(stateDir)).toEqual(env);
    const lines: string[] = [];
    const second = startDetached({ stateDir, services: ['slack'], onProgress: (line) => lines.push(line) });
    await expect(second).rejects.toThrow(`as process ${pid}`);
    expect(lines).toEqual([]);
    expect(await stopLocal(stateDir)).toEqual({ was: 'running', pid, services: [] });
    expect([await exists(pid), await exists(service)]).toEqual([false, false]);
    expect(await stopLocal(stateDir)).toEqual({ was: 'not running', services: [] });
  });

  it('stops what a killed supervisor left, at the next stop', async () => {
    const stateDir = await temporaryFolder();
    const { pid, service } = await background(stateDir);
    process.kill(pid, 'SIGKILL');
    await until('the supervisor is gone', async () => !(await exists(pid)));
    expect(await exists(service)).toBe(true);
    expect(await stopLocal(stateDir)).toEqual({ was: 'leftovers', services: ['Slack sink'] });
    expect(await readEnvFile(stateDir)).toBeUndefined();
    expect(await readdir(stateDir)).not.toContain('lock');
    expect(await exists(service)).toBe(false);
  });

  it('stops what a killed supervisor left, at the next start', async () => {
    const stateDir = await temporaryFolder();
    const { pid, service } = await background(stateDir);
    process.kill(pid, 'SIGKILL');
    await until('the supervisor is gone', async () => !(await exists(pid)));
    const lines: string[] = [];
    const stack = await startLocal({ stateDir, services: ['slack'], onProgress: (line) => lines.push(line) });
    await stack.stop();
    expect(lines).toContain('Stopped what an earlier start left running: Slack sink.');
    expect(await exists(service)).toBe(false);
  });

  it('never stops a process that merely got the pid of one of its services', async () => {
    const stateDir = await temporaryFolder();
    const other = { pid: process.ppid, started: '1' };
    await writeFile(
      join(stateDir, 'local.json'),
      JSON.stringify({ version: 1, ports: {}, children: { slack: other } }),
    );
    expect(await stopLocal(stateDir)).toEqual({ was: 'not running', services: [] });
    expect(await exists(process.ppid)).toBe(true);
  });
});
