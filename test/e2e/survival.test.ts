import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceName } from '../../local/index.js';
import { Setting } from './setting.js';
import { deployedInLedger, expectOneOfEach, letGo, replaced, resultOf, runIn } from './survival-runs.js';

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
}, 120_000);
afterAll(() => setting.stop(), 60_000);

/** What may happen to a service while one run waits for its training job and another for its endpoint. */
const EVENTS: readonly (readonly [string, ServiceName, NodeJS.Signals])[] = [
  ['Temporal is killed', 'temporal', 'SIGKILL'],
  ['PostgreSQL is killed', 'postgres', 'SIGKILL'],
  ['MiniStack is killed', 'aws', 'SIGKILL'],
  ['the local SageMaker is killed', 'sagemaker', 'SIGKILL'],
  ['the Slack sink is killed', 'slack', 'SIGKILL'],
  ['the worker is killed', 'worker', 'SIGKILL'],
  ['the worker is asked to stop', 'worker', 'SIGTERM'],
];

describe('a run in its waiting stage and one in its deploy stage', () => {
  it.each(EVENTS)(
    'end as they would have when %s',
    async (_what, service, signal) => {
      const name = `${service}-${signal.slice(3).toLowerCase()}`;
      const models = [`${name}-a`, `${name}-d`] as const;
      const runs = await Promise.all([runIn(setting, 'await', models[0]), runIn(setting, 'deploy', models[1])]);
      await replaced(setting, service, signal);
      await Promise.all(models.map((model) => letGo(setting, model)));
      for (const [index, model] of models.entries()) {
        const result = await resultOf(setting, runs[index] ?? '');
        await expectOneOfEach(setting, model, result);
        expect(result.warnings).toEqual([]);
      }
      expect((await deployedInLedger(setting, runs)).sort()).toEqual([...runs].sort());
    },
    240_000,
  );
});
