import { expect, it } from 'vitest';
import { crash } from '../../bench/scenarios/crash.js';
import { faults } from '../../bench/scenarios/faults.js';
import { playSample } from './campaign.js';

// One after the other: each plays many runs at the same time.

it('a run ends as it would have, whichever call its worker is killed at', async () => {
  const { figure, ok, detail } = await playSample(crash, 20);
  expect(detail).toMatchObject({ played: 20, failed: [] });
  expect([figure, ok]).toEqual([0, true]);
}, 600_000);

it('a run ends as it would have, or as the docs say, whichever call goes wrong, and no request is lost', async () => {
  const { figure, ok, detail } = await playSample(faults, 5);
  expect(detail).toMatchObject({ played: 5, failed: [] });
  expect([figure, ok]).toEqual([0, true]);
}, 600_000);
