import { afterEach, describe, expect, it } from 'vitest';
import { watchForHang } from '../../local/hang.js';
import { type LocalStack, startLocal } from '../../local/index.js';
import { identify } from '../../local/processes.js';
import { temporaryFolder, until } from '../support/local.js';

let stack: LocalStack | undefined;
afterEach(() => stack?.stop());

const service = () => stack?.processes()[0];

describe('a service that hangs without dying', () => {
  it('is killed and started again once it has not answered for a while', async () => {
    const lines: string[] = [];
    const stateDir = await temporaryFolder();
    stack = await startLocal({
      stateDir,
      services: ['slack'],
      ports: { slack: 0 },
      backoffMs: 10,
      probeEveryMs: 20,
      onProgress: (line) => lines.push(line),
    });
    const first = service()?.pid ?? 0;
    process.kill(first, 'SIGSTOP');
    await until('it is started again', () => service()?.restarts === 1, 40_000);
    expect((await fetch(`${stack.urls.slack}/_local/health`)).ok).toBe(true);
    expect(service()?.pid).not.toBe(first);
    expect(lines).toContainEqual(expect.stringMatching(/^The Slack sink has not answered for \d+ s and is killed\.$/));
    expect(lines).toContain('The Slack sink ended unexpectedly (it hung); starting it again.');
  });

  it('is stopped with all others, however it hangs', async () => {
    stack = await startLocal({ stateDir: await temporaryFolder(), services: ['slack'], ports: { slack: 0 } });
    const pid = service()?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    await stack.stop();
    expect(await identify(pid)).toBeUndefined();
  });
});

describe('a service that is slow', () => {
  /** How many probes of this process, which never answers, it takes until it counts as hung. */
  async function probes(work: () => void): Promise<number> {
    const id = await identify();
    if (id === undefined) throw new Error('this process has no identity');
    let count = 0;
    await new Promise<void>((resolve) => {
      const alive = () => {
        count += 1;
        work();
        return Promise.resolve(false);
      };
      watchForHang(id, alive, () => resolve(), 1);
    });
    return count;
  }

  it('gets more patience than one that does nothing', async () => {
    const busy = await probes(() => {
      // Longer than a tick of the processor's clock.
      for (const until = performance.now() + 30; performance.now() < until;) Math.sqrt(until);
    });
    expect(busy).toBe(24);
  });

  it('is left alone as long as it answers now and then', async () => {
    const id = await identify();
    if (id === undefined) throw new Error('this process has no identity');
    let [count, hung] = [0, false];
    const watching = watchForHang(
      id,
      () => Promise.resolve((count += 1) % 4 === 0),
      () => (hung = true),
      1,
    );
    await until('many probes', () => count > 100);
    watching.stop();
    expect(hung).toBe(false);
  });
});
