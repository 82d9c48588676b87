import { Command, CommanderError, InvalidArgumentError } from '@commander-js/extra-typings';
import type { Draw, Scenario } from './scenario.js';
import { scenarios } from './scenarios/index.js';

// The SDK's releases are pinned: its word about coming ones is of no use to whoever runs this.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** `npm run bench -- <name> [--json]`: see --help. Answers with the exit code: 0 only if the figure keeps its limit. */
export async function main(argv: readonly string[]): Promise<number> {
  const command = new Command('npm run bench --')
    .description(
      'Measures one scenario. The figure is computed from the raw observations that `detail` of --json holds.',
    )
    .argument('[scenario]', 'its name, see --list')
    .option('--list', 'name all scenarios')
    .option('--json', 'print one JSON object as the last line')
    .option('--points <number>', 'of a campaign: play so many of its points, drawn by the seed', wholeNumber)
    .option('--seed <number>', 'of a campaign: the seed that an earlier one printed', wholeNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm run bench -- --list\n  $ npm run bench -- zero-loss --json\n  $ npm run bench -- crash --points 20 --seed 7',
    )
    .showHelpAfterError('(npm run bench -- --help shows the usage)')
    .exitOverride();
  try {
    command.parse([...argv], { from: 'user' });
    const { list, json, points, seed } = command.opts();
    if (list) return showList(json === true);
    const [name] = command.processedArgs;
    const scenario = scenarios.find((one) => one.name === name);
    if (!scenario) {
      const known = scenarios.map((one) => one.name).join(', ');
      return command.error(`${name === undefined ? 'Name a scenario' : `There is no scenario "${name}"`}: ${known}.`);
    }
    const chosen = points !== undefined || seed !== undefined;
    if (chosen && !scenario.takesPoints) return command.error(`${scenario.name} has no points to choose from.`);
    return await measure(scenario, json === true, { points, seed });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function showList(json: boolean): number {
  const rows = scenarios.map(({ name, what, unit, limit, bound }) => ({ scenario: name, what, unit, limit, bound }));
  if (json) console.log(JSON.stringify(rows));
  else
    for (const row of rows)
      console.log(`${row.scenario.padEnd(12)} ${row.what} (${row.bound} ${row.limit} ${row.unit})`);
  return 0;
}

async function measure(scenario: Scenario, json: boolean, draw: Draw): Promise<number> {
  const { name, unit, limit, bound, measure: run } = scenario;
  const abort = new AbortController();
  const stop = () => abort.abort(new Error(`Interrupted: ${name} was not measured.`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  try {
    const { figure, ok, detail } = await run({ say: (line) => console.error(line), signal: abort.signal, draw });
    if (json) console.log(JSON.stringify({ scenario: name, ok, figure, unit, limit, detail }));
    else console.log(`${name}: ${ok ? 'ok' : 'NOT OK'}, ${figure} ${unit} (${bound} ${limit})`);
    return ok ? 0 : 1;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  }
}
