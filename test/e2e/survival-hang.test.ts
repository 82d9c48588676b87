import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceName } from '../../local/index.js';
import { until } from '../support/local.js';
import { Setting } from './setting.js';
import { comebacks, expectOneOfEach, letGo, pidOf, resultOf, runIn } from './survival-runs.js';

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
}, 120_000);
afterAll(() => setting.stop(), 120_000);

it('services that hang without dying are started again, and a run ends as it would have', async () => {
  const hanging: readonly ServiceName[] = ['aws', 'postgres', 'slack', 'sagemaker', 'redshift', 'worker'];
  const run = await runIn(setting, 'await', 'hung');
  const before = await Promise.all(hanging.map((service) => pidOf(setting, service)));
  for (const pid of before) process.kill(pid, 'SIGSTOP');
  await until(
    'all of them are back',
    async () => {
      const times = await Promise.all(hanging.map((service) => comebacks(setting, service)));
      return times.every((count) => count > 0);
    },
    120_000,
  );
  const now = await Promise.all(hanging.map((service) => pidOf(setting, service)));
  expect(now.filter((pid, index) => pid === before[index])).toEqual([]);
  expect((await setting.supervisorLog()).match(/ has not answered for \d+ s and is killed\./g)).toHaveLength(
    hanging.length,
  );
  await letGo(setting, 'hung');
  await expectOneOfEach(setting, 'hung', await resultOf(setting, run));
}, 300_000);
