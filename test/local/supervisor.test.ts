import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type LocalStack, readEnvFile, startLocal, type StartOptions } from '../../local/index.js';
import { identify } from '../../local/processes.js';
import { exists, temporaryFolder, until } from '../support/local.js';

const stacks: LocalStack[] = [];
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.stop();
});

/** The smallest stack there is: the supervisor's own rules are the same for every service. */
async function start(stateDir: string, options: Partial<StartOptions> = {}): Promise<LocalStack> {
  const stack = await startLocal({ stateDir, services: ['slack'], ports: { slack: 0 }, backoffMs: 10, ...options });
  stacks.push(stack);
  return stack;
}

const slackOf = (stack: LocalStack) => stack.processes().find(({ name }) => name === 'slack');
const healthy = async (stack: LocalStack) =>
  fetch(`${stack.urls.slack}/_local/health`).then(
    (response) => response.ok,
    () => false,
  );
const localJson = async (stateDir: string) => JSON.parse(await readFile(join(stateDir, 'local.json'), 'utf8'));

async function takenPort(): Promise<{ port: number; free(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    free: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

describe('a running stack', () => {
  it('starts a service again that was killed, on the same port', async () => {
    const lines: string[] = [];
    const stateDir = await temporaryFolder();
    const stack = await start(stateDir, { onProgress: (line) => lines.push(line) });
    const first = slackOf(stack)?.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await until('it runs again', () => slackOf(stack)?.restarts === 1 && healthy(stack));
    const second = slackOf(stack)?.pid;
    expect(second).not.toBe(first);
    expect((await localJson(stateDir)).children.slack.pid).toBe(second);
    expect(lines).toContainEqual(expect.stringMatching(/Slack sink ended unexpectedly \(SIGKILL\); starting it again/));
  });

  it('gives a service up that keeps dying, and says where its log is', async () => {
    const lines: string[] = [];
    const stack = await start(await temporaryFolder(), { onProgress: (line) => lines.push(line), backoffMs: 1 });
    for (let death = 0; death < 6; death += 1) {
      await until('it runs', () => slackOf(stack)?.state === 'running' && slackOf(stack)?.restarts === death);
      process.kill(slackOf(stack)?.pid ?? 0, 'SIGKILL');
    }
    await until('it is given up', () => slackOf(stack)?.state === 'failed');
    expect(lines.at(-1)).toMatch(/died 6 times within a minute and is not started again\. See .*slack\.log/);
  });

  it('leaves no process, lock or environment file when it stops, and stops once', async () => {
    const stateDir = await temporaryFolder();
    const stack = await start(stateDir);
    expect(await readEnvFile(stateDir)).toEqual(stack.env);
    expect((await stat(join(stateDir, 'env'))).mode & 0o077).toBe(0);
    const pid = slackOf(stack)?.pid;
    expect(await exists(pid)).toBe(true);
    await Promise.all([stack.stop(), stack.stop()]);
    expect(await exists(pid)).toBe(false);
    expect(existsSync(join(stateDir, 'lock'))).toBe(false);
    expect(await readEnvFile(stateDir)).toBeUndefined();
    expect((await localJson(stateDir)).children).toEqual({});
  });
});

describe('a second start', () => {
  it('is refused with the process that runs, and works once that is stopped', async () => {
    const stateDir = await temporaryFolder();
    const stack = await start(stateDir);
    await expect(start(stateDir)).rejects.toThrow(
      `Local mode already runs in ${stateDir}, as process ${process.pid}. Use it, or stop it with \`perennial down --state-dir '${stateDir}'\``,
    );
    expect(await healthy(stack)).toBe(true);
    await stack.stop();
    expect(await healthy(await start(stateDir))).toBe(true);
  });

  it('uses the same ports as the last one', async () => {
    const stateDir = await temporaryFolder();
    const first = await start(stateDir);
    await first.stop();
    const second = await start(stateDir, { ports: {} });
    expect(second.urls).toEqual(first.urls);
  });

  it.each([
    ['of a process that is gone', async () => JSON.stringify({ pid: 2 ** 22 - 1, started: '1' })],
    ['of a pid that is another process by now', async () => JSON.stringify({ ...(await identify()), started: '1' })],
    ['that was never finished', async () => '{"pid":'],
  ])('takes over a lock %s', async (_case, contents) => {
    const stateDir = await temporaryFolder();
    await writeFile(join(stateDir, 'lock'), await contents());
    expect(await healthy(await start(stateDir))).toBe(true);
  });

  it('puts an unreadable local.json aside and says so', async () => {
    const stateDir = await temporaryFolder();
    await writeFile(join(stateDir, 'local.json'), '{"version":1,"po');
    const lines: string[] = [];
    await start(stateDir, { onProgress: (line) => lines.push(line) });
    expect(lines).toContainEqual(expect.stringContaining('could not be read and was moved to'));
    expect(await readFile(join(stateDir, 'local.json.broken'), 'utf8')).toBe('{"version":1,"po');
  });
});

describe('ports', () => {
  it('refuses one that was asked for and is taken, before anything starts', async () => {
    const stateDir = await temporaryFolder();
    const { port, free } = await takenPort();
    await expect(start(stateDir, { ports: { slack: port } })).rejects.toThrow(
      new RegExp(`Port ${port}, asked for as "slack", is taken by .+\\. Stop that, or ask for another port`),
    );
    await free();
    expect(await healthy(await start(stateDir, { ports: { slack: port } }))).toBe(true);
  });

  it('takes a free one with a notice where its usual one is taken', async () => {
    const stateDir = await temporaryFolder();
    const { port, free } = await takenPort();
    await writeFile(join(stateDir, 'local.json'), JSON.stringify({ version: 1, ports: { slack: port }, children: {} }));
    const lines: string[] = [];
    const stack = await start(stateDir, { ports: {}, onProgress: (line) => lines.push(line) });
    await free();
    expect(await healthy(stack)).toBe(true);
    expect(stack.urls.slack).not.toContain(String(port));
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`Port ${port} \\("slack"\\) is taken by .+; using \\d+`)),
    );
    // One that the system gives to outgoing connections could be lost before the service listens.
    expect(Number(new URL(stack.urls.slack ?? '').port)).toBeLessThan(32_768);
  });
});

describe('a start that fails', () => {
  it('says what a service last wrote, and leaves nothing running', async () => {
    const stateDir = await temporaryFolder();
    // A folder where the sink wants its file.
    await mkdir(join(stateDir, 'slack', 'messages.jsonl'), { recursive: true });
    await expect(start(stateDir)).rejects.toThrow(
      /Slack sink ended \(code 1\) before it was ready[\s\S]*EISDIR[\s\S]*slack\.log/,
    );
    expect(existsSync(join(stateDir, 'lock'))).toBe(false);
    // It never worked, so the next start has no crash to speak of.
    expect((await localJson(stateDir)).children).toEqual({});
  });

  it('says where it cannot keep its state', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(start(file)).rejects.toThrow(`Local mode cannot keep its state in ${file} (EEXIST`);
  });

  it('is ended by its signal', async () => {
    const stateDir = await temporaryFolder();
    const aborting = new AbortController();
    aborting.abort(new Error('interrupted'));
    await expect(start(stateDir, { signal: aborting.signal })).rejects.toThrow('interrupted');
    expect(existsSync(join(stateDir, 'lock'))).toBe(false);
  });
});
