import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { raise } from '../support/scripted-activities.js';
import { purgeSetting, WHY } from './purge-setting.js';
import { call } from './terminal.js';

const setting = purgeSetting();
const { perennial, uri, mint, left, inspectTargets, forgetTargets } = setting;

describe('purge commands that are broken off', () => {
  it('takes away what it wrote when it is interrupted while the list is read', async () => {
    const interrupts = new Set<() => void>();
    const { code, err } = await call(setting.at.env, ['purge', '--from', '-', '--request', mint(), ...WHY], {
      terminal: {
        readBytes: async function* () {
          yield Buffer.from(`${uri('a')}\n`);
          for (const interrupt of [...interrupts]) interrupt();
          yield Buffer.from(`${uri('b')}\n`);
        },
        onInterrupt: (callback) => {
          interrupts.add(callback);
          return () => interrupts.delete(callback);
        },
      },
    });
    expect([code, err, interrupts.size]).toEqual([130, expect.stringContaining('interrupted'), 0]);
    expect(await left()).toBe(0);
  });

  it('takes it away when a dry run is interrupted that a worker is at, and says what it waits for', async () => {
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (free = resolve));
    setting.at.override({ inspectTargets, planObjects: async () => held.then(() => ({ bytes: 0 })) });
    const { code, err, json } = await call(setting.at.env, ['purge', uri('a.csv'), '--dry-run', '--json'], {
      interruptWhen: (text) => text.includes('a worker is at'),
    });
    free();
    expect([code, json()]).toEqual([130, { error: expect.stringMatching(/^interrupted/) as string, exitCode: 130 }]);
    expect(err).toContain('heartbeat timeout');
    expect(await left()).toBe(0);
  }, 30_000);

  it('leaves no list behind when nothing could be started', async () => {
    const { code, err } = await perennial(`s3://purge-no-such-bucket/a`, '--request', mint(), ...WHY);
    expect([code, err]).toEqual([1, expect.stringContaining('there is no bucket purge-no-such-bucket')]);
  });

  it('ends with one sentence and code 3 where Temporal goes away under a follower', async () => {
    const [host = '', port = ''] = (setting.at.env['TEMPORAL_ADDRESS'] ?? '').split(':');
    const sockets = new Set<Socket>();
    const between = createServer((socket) => {
      const onward = connect(Number(port), host);
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        sockets.add(one);
        one.on('error', () => other.destroy()).on('close', () => other.destroy());
        one.pipe(other);
      }
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
    const request = mint();
    setting.at.override({
      inspectTargets,
      recordAudit: async () => Promise.reject(raise('LedgerUnavailable', 'no ledger')),
    });
    const env = { ...setting.at.env, TEMPORAL_ADDRESS: `127.0.0.1:${(between.address() as AddressInfo).port}` };
    let told = '';
    const { code, err } = await call(env, ['purge', uri('a.csv'), '--request', request, ...WHY, '--follow'], {
      terminal: {
        err: (text) => {
          told += text;
          if (!text.includes('started purge/')) return;
          between.close();
          for (const socket of sockets) socket.destroy();
        },
      },
    });
    expect({ code, err }).toEqual({ code: 3, err: '' });
    expect(told).toMatch(/^Temporal cannot be reached.*: see whether it runs/m);
    expect(told).not.toMatch(/Resolution note|^ +at /m);
    setting.at.override({ inspectTargets, forgetTargets });
    expect((await perennial('cancel', request)).out).toContain('Cancelled');
    expect((await perennial('forget', request)).code).toBe(0);
  }, 60_000);

  it('says that nobody has taken the work, and leaves nothing when it is interrupted then', async () => {
    await setting.at.stopWorker();
    const { code, err } = await call(setting.at.env, ['purge', uri('a.csv'), '--dry-run'], {
      interruptWhen: (text) => text.includes('nobody has taken'),
    });
    expect({ code, err }).toEqual({
      code: 130,
      err: expect.stringContaining(setting.at.env['PERENNIAL_TASK_QUEUE'] ?? '?'),
    });
    expect(await left()).toBe(0);
    const planned = setting.at.client.workflow.list({
      query: 'WorkflowType = "purgePlan" AND ExecutionStatus = "Running"',
    });
    const running: string[] = [];
    for await (const { workflowId } of planned) running.push(workflowId);
    expect(running).toEqual([]);
  }, 30_000);
});
