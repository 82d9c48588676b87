import { afterAll, beforeAll, expect, it } from 'vitest';
import { drawn, seedOf } from '../../bench/support/campaign/points.js';
import { hardships, lostAnswers, playAll } from '../../bench/support/warehouse/campaign.js';
import { playCancels } from '../../bench/support/warehouse/cancels.js';
import { withWarehouses, type WarehouseSetting } from '../../bench/support/warehouse/setting.js';

/** Of the campaign `warehouse-faults`: points that pass within seconds. That a killed worker is missed takes half a minute. */
const POINTS = 6;
/** Answers that a run can't do without, whatever it does beside. */
const UNLOADED = { key: 'Warehouse.UNLOAD', service: 'Warehouse', nth: 1 };
const COMMITTED = { key: 'Warehouse.COMMIT', service: 'Warehouse', nth: 1 };

let setting: WarehouseSetting;
let stop: () => void;
let stopped: Promise<void>;
const say = (line: string) => void process.stderr.write(`${line}\n`);

beforeAll(async () => {
  const over = new Promise<void>((resolve) => (stop = resolve));
  await new Promise<void>((ready, failed) => {
    const context = { say, signal: new AbortController().signal };
    stopped = withWarehouses(context, async (made) => {
      setting = made;
      ready();
      await over;
    });
    stopped.catch(failed);
  });
}, 120_000);
afterAll(async () => {
  stop();
  await stopped;
}, 60_000);

it('a run ends with its export whole or with what was there before, typed, and without a secret anywhere', async () => {
  const given = process.env['PERENNIAL_CAMPAIGN_SEED'];
  const seed = given === undefined ? seedOf() : Number(given);
  say(`seed ${seed}`);
  const always = lostAnswers({ redshift: [UNLOADED, COMMITTED], postgres: [] });
  const some = drawn(hardships(), ({ name }) => name, { seed, count: POINTS - always.length });
  const played = await playAll(setting, 2, [...always, ...some]);
  expect(played.filter(({ problems }) => problems.length > 0)).toEqual([]);
  expect(played).toHaveLength(POINTS);
}, 300_000);

it('a cancelled run leaves no query on the server', async () => {
  const cancelled = await playCancels(setting, 1);
  expect(cancelled.flatMap(({ problems }) => problems)).toEqual([]);
  expect(cancelled.map(({ kind }) => kind)).toEqual(['redshift', 'postgres']);
  // The bench wants five seconds, of a machine that has nothing else to do.
  for (const { seconds } of cancelled) expect(seconds).toBeLessThan(15);
}, 120_000);
