import { readFile, readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { checkDefinitions } from '../../client/definition/check.js';
import { renderFaults, type Fault } from '../../client/definition/fault.js';
import { perennial } from '../../examples/demo/perennial.js';
import { packagePath } from '../../local/paths.js';
import { withClient, withStack } from '../support/stack.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const FOLDER = packagePath('test', 'fixtures', 'definitions');
const LEAST_KINDS = 30;
const VISIBLE_MS = 1_500;

/** What the message of a kind must say: where, and words that name the fault and its remedy. */
const Expected = z.record(
  z.string(),
  z.array(z.object({ line: z.number(), path: z.string(), parts: z.array(z.string()) })),
);

export const definitions: Scenario = {
  name: 'definitions',
  what: 'kinds of bad definitions that `perennial apply` refuses with one clear message each, starting nothing',
  unit: 'kinds refused',
  limit: LEAST_KINDS,
  bound: 'at least',
  measure: (context) =>
    withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client)), ['temporal']),
};

async function measure({ say, signal }: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  const expected = Expected.parse(JSON.parse(await readFile(join(FOLDER, 'expected.json'), 'utf8')));
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).sort();
  say(`${files.length} bad definitions …`);
  const observations = [];
  for (const name of files) {
    signal.throwIfAborted();
    const file = join(FOLDER, name);
    const { faults } = await checkDefinitions([file]);
    const { code, said } = await perennial(['apply', file], { env: stack.env });
    const message = renderFaults(faults).replaceAll(`${FOLDER}${sep}`, '').trim();
    const clear = describes(faults, expected[name] ?? []) && said.includes(renderFaults(faults));
    observations.push({ kind: name.replace('.yaml', ''), refused: code === 1, clear, message });
  }
  // Temporal lists and counts what was started with a delay of up to a second.
  await sleep(VISIBLE_MS);
  const { count: workflows } = await client.workflow.count();
  let schedules = 0;
  for await (const _schedule of client.schedule.list()) schedules += 1;
  const good = observations.filter(({ refused, clear }) => refused && clear).length;
  return {
    figure: good,
    ok: good >= LEAST_KINDS && good === observations.length && workflows + schedules === 0,
    detail: { kinds: observations.length, workflowsStarted: workflows, schedulesMade: schedules, observations },
  };
}

/** Whether the faults are the expected ones, no more and no less, each at its place and in its words. */
function describes(faults: readonly Fault[], expected: z.infer<typeof Expected>[string]): boolean {
  return (
    expected.length > 0 &&
    faults.length === expected.length &&
    expected.every(({ line, path, parts }) =>
      faults.some((fault) => {
        const words = renderFaults([fault]);
        return fault.line === line && fault.path === path && parts.every((part) => words.includes(part));
      }),
    )
  );
}
