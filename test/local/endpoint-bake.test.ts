import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../local/sagemaker/context.js';
import { bake } from '../../local/sagemaker/endpoints/bake.js';
import type { Fleet } from '../../local/sagemaker/endpoints/fleet.js';

afterEach(() => vi.useRealTimers());

const fleet = (crashed = false) =>
  ({ crashed, processes: [], deployment: { variants: [{ name: 'AllTraffic' }] } }) as unknown as Fleet;
const watch = (alarmStates: Context['alarmStates'], green = fleet(), signal = new AbortController().signal) =>
  bake({ alarmStates } as Context, { green, alarms: ['errors', 'latency'], ms: 0, signal });
const well = new Map([
  ['errors', 'OK'],
  ['latency', 'INSUFFICIENT_DATA'],
]);

describe('a bake', () => {
  it('does not end before its alarms could be read', async () => {
    const alarmStates = vi
      .fn<Context['alarmStates']>()
      .mockRejectedValueOnce(new Error('ECONNREFUSED'))
      .mockRejectedValueOnce(new Error('ECONNREFUSED'))
      .mockResolvedValue(well);
    await watch(alarmStates);
    expect(alarmStates).toHaveBeenCalledTimes(3);
    expect(alarmStates).toHaveBeenCalledWith(['errors', 'latency']);
  });

  it('fails if they can not be read for half a minute', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const alarmStates = () => {
      vi.setSystemTime(Date.now() + 16_000);
      return Promise.reject(new Error('ECONNREFUSED'));
    };
    await expect(watch(alarmStates)).rejects.toThrow(
      'The alarms of the deployment (errors, latency) could not be read from CloudWatch for 30 s: ECONNREFUSED',
    );
  });

  it('fails when an alarm trips or a program ends, and stops when it is told to', async () => {
    const tripped = new Map([...well, ['latency', 'ALARM']]);
    await expect(watch(() => Promise.resolve(tripped))).rejects.toThrow(/were in ALARM state .*: latency\.$/);
    await expect(watch(() => Promise.resolve(well), fleet(true))).rejects.toThrow(/AllTraffic ended by itself/);
    const gone = AbortSignal.abort(new Error('closing'));
    await expect(watch(() => Promise.resolve(well), fleet(), gone)).rejects.toThrow('closing');
  });
});
