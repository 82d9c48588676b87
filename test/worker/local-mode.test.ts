import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunRow } from '../../contracts/questions.js';
import { awsSettings } from '../../examples/demo/account.js';
import { Setting } from '../e2e/setting.js';

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
}, 240_000);
afterAll(() => setting.stop(), 60_000);

/** Ended runs of a model, newest first. */
const ended = async (model: string) =>
  ((await setting.cli('runs', '--model', model)).value as (RunRow & { state: string })[]).filter(
    ({ endedAt }) => endedAt,
  );

it('starts runs in local mode when data comes, and by an event of one’s own', { timeout: 240_000 }, async () => {
  await setting.model('driven', {
    triggers: {
      newData: { debounce: '3s' },
      events: [{ source: 'my.pipeline', detailType: 'Done', detail: { state: ['OK'] } }],
    },
  });
  // What lay there before the model was applied: the look that follows.
  await expect
    .poll(() => ended('driven'), { timeout: 120_000, interval: 1_000 })
    .toMatchObject([{ state: 'Deployed', files: 30 }]);

  await setting.upload('driven', 30, 35);
  await expect
    .poll(() => ended('driven'), { timeout: 60_000, interval: 1_000 })
    .toMatchObject([{ state: 'Deployed', files: 35 }, { files: 30 }]);
  const shown = await setting.cli('show', 'driven');
  expect(shown.value).toMatchObject({ trigger: 'event', event: 'new data' });

  const events = new EventBridgeClient(awsSettings(setting.env));
  const entry = { Source: 'my.pipeline', DetailType: 'Done', Detail: '{"state":"OK"}' };
  await events.send(new PutEventsCommand({ Entries: [entry] }));
  events.destroy();
  await expect
    .poll(() => ended('driven'), { timeout: 60_000, interval: 1_000 })
    .toMatchObject([{ state: 'NoNewData' }, { files: 35 }, { files: 30 }]);
  expect((await setting.cli('show', 'driven')).value).toMatchObject({ event: 'Done (my.pipeline)' });
});
