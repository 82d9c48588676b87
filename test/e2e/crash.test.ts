import { expect, it } from 'vitest';
import { crash } from '../../bench/scenarios/crash.js';
import { playSample } from './campaign.js';

it('a run ends as it would have, whichever call its worker is killed at', async () => {
  const { figure, ok, detail } = await playSample(crash, 20);
  expect(detail).toMatchObject({ played: 20, failed: [] });
  expect([figure, ok]).toEqual([0, true]);
}, 600_000);
