import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceName } from '../../local/index.js';
import { until } from '../support/local.js';
import { Setting } from './setting.js';
import { expectOneOfEach, pidOf, resultOf, runIn } from './survival-runs.js';

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
}, 120_000);
afterAll(() => setting.stop(), 120_000);

it('services that hang without dying are started again, and a run ends as it would have', async () => {
  const hanging: readonly ServiceName[] = ['aws', 'postgres', 'slack', 'sagemaker', 'worker'];
  const run = await runIn(setting, 'await', 'hung');
  const before = await Promise.all(hanging.map((service) => pidOf(setting, service)));
  for (const pid of before) process.kill(pid, 'SIGSTOP');
  await until(
    'all of them are other processes',
    async () => {
      const now = await Promise.all(hanging.map((service) => pidOf(setting, service)));
      return now.every((pid, index) => pid !== 0 && pid !== before[index]);
    },
    120_000,
  );
  const log = await readFile(join(setting.stateDir, 'logs', 'supervisor.log'), 'utf8');
  expect(log.match(/ has not answered for \d+ s and is killed\./g)).toHaveLength(hanging.length);
  await expectOneOfEach(setting, 'hung', await resultOf(setting, run));
}, 300_000);
