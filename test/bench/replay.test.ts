import { DefaultLogger } from '@temporalio/worker';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { changeOrder } from '../../bench/scenarios/replay.js';
import { workflowBundle } from '../../worker/bundle.js';

it('the change of order that replays must catch fits the workflows of today', async () => {
  const { codePath } = await workflowBundle(new DefaultLogger('ERROR'));
  const code = await readFile(codePath, 'utf8');
  const swapped = changeOrder(code);
  expect(swapped).toHaveLength(code.length + 1);
  const told = /run\.enter\(["']check data["']\)/;
  expect(swapped.search(told)).toBeGreaterThan(code.search(told));
  expect(swapped.slice(swapped.search(/checkData\(look\)/)).search(told)).toBeGreaterThan(0);
});
