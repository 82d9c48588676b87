import { historyText } from '../history-text.js';
import type { Wanted } from './hardships.js';
import type { RunEnding, WarehouseLane } from './lane.js';
import { leaks } from './secrets.js';
import type { WarehouseSetting } from './setting.js';
import { REPLACED, ROWS, type World } from './world.js';

/** How the end of a run, and what is found of it, differ from what they should be, in words. */
export async function problemsOf(
  setting: WarehouseSetting,
  lane: WarehouseLane,
  world: World,
  ending: RunEnding,
  wanted: Wanted,
): Promise<string[]> {
  const { result, failure, time } = ending;
  const said = result?.outcome ?? `${failure?.type}: ${failure?.message}`;
  const well = wanted === 'Trained' ? said === wanted : failure?.type === wanted.type && wanted.says.test(said);
  const names = await world.names();
  const whole = (look: readonly string[]) => world.holdsBefore(look) || names.every((name) => look.includes(name));
  return [
    ...(well ? [] : [`ended as ${said}`]),
    ...(await world.differences(wanted === 'Trained' ? 'export' : 'before', time)),
    ...(ending.looks.every(whole)
      ? []
      : ['neither the export nor what was there before lay there whole at every look']),
    ...(result ? numbersOf(ending) : []),
    ...(await statementsOf(setting, world, time, result !== undefined)),
    ...(await leaksOf(setting, lane, world, ending)),
  ];
}

function numbersOf({ outcome }: RunEnding): string[] {
  const { rows, replaced, unchanged } = outcome?.prepared ?? {};
  const right = rows === ROWS && replaced === REPLACED && unchanged === false;
  return right ? [] : [`the run says ${JSON.stringify({ rows, replaced, unchanged })}`];
}

interface Logged {
  readonly label: string;
  readonly type: string;
  readonly status: string;
  readonly text: string;
}

async function logged({ stack }: WarehouseSetting): Promise<Logged[]> {
  const answer = await fetch(`${stack.urls.redshift}/_local/statements`);
  return ((await answer.json()) as { statements: Logged[] }).statements;
}

/** A run unloads once, whatever befalls it. */
async function statementsOf(setting: WarehouseSetting, { name, kind }: World, time: string, ok: boolean) {
  if (kind !== 'redshift' || !ok) return [];
  const own = (await logged(setting)).filter(({ label }) => label === `perennial/${name}/${time}/export`);
  const unloads = own.filter(({ type, status }) => type === 'UNLOAD' && status === 'success').length;
  return unloads === 1 ? [] : [`${unloads} UNLOADs succeeded`];
}

/** No credential stands anywhere, and no row but in the warehouse. */
async function leaksOf(setting: WarehouseSetting, { control }: WarehouseLane, world: World, { run }: RunEnding) {
  const { client, commandLines } = setting;
  const history = historyText(await client.workflow.getHandle(run).fetchHistory());
  const { worker, postgres } = await setting.logs();
  const statements = (await logged(setting)).map(({ text }) => text).join('\n');
  const ours = {
    'the history': history,
    "the worker's log": worker,
    'command lines': await commandLines.text(),
    SQL: statements,
  };
  const credentials = [...control.passwords, world.password];
  return [...leaks({ ...ours, "PostgreSQL's log": postgres }, credentials), ...leaks(ours, [world.rowMarker])];
}
