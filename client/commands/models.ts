import type { Version, Versions } from '../../contracts/versions.js';
import { ask } from '../ask.js';
import { withClient } from '../connect.js';
import { formatNumber, formatTime } from '../format.js';
import { requireModel } from '../models.js';
import type { Output } from '../output.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

function row(output: Output, version: Version): string[] {
  const { run, madeBy, config, oldestDate, newestDate, files, metrics, instanceType, count, deployedAt } = version;
  return [
    version.live
      ? output.style('green', 'live')
      : version.unusable === undefined
        ? ''
        : output.style('yellow', 'unusable'),
    run ?? madeBy,
    newestDate === undefined ? '' : `${oldestDate} to ${newestDate}`,
    files === undefined ? '' : String(files),
    metrics.map(({ name, value }) => `${name} ${formatNumber(value)}`).join(', '),
    deployedAt === undefined ? '' : formatTime(deployedAt),
    instanceType === undefined ? '' : `${count} × ${instanceType}`,
    config,
  ];
}

function render(output: Output, model: string, { endpoint, status, liveConfig, versions }: Versions): string {
  const headline =
    status === undefined
      ? `there is no endpoint ${endpoint}: nothing is live`
      : `${endpoint} is ${status} on ${liveConfig}${versions.some(({ live }) => live) ? '' : ', which no run made'}`;
  if (versions.length === 0) return `${headline}\nno version of ${model} is kept`;
  return [
    headline,
    output.table(
      ['', 'TRAINED BY', 'DATA', 'FILES', 'METRIC', 'DEPLOYED', 'ON', 'CONFIG'],
      versions.map((version) => row(output, version)),
      ['FILES', 'ON', 'DATA', 'METRIC'],
    ),
    ...versions.flatMap(({ config, unusable }) => (unusable === undefined ? [] : [`${config}: ${unusable}`])),
  ].join('\n');
}

export function modelsCommand(context: Context): void {
  context.program
    .command('models')
    .description('the kept versions of a model, newest first: what trained them, on which data, how good, what is live')
    .argument('<model>', 'name of the model')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('models weather', 'models weather --json'))
    .action(async (model, options) => {
      const { terminal } = context;
      const output = outputOf(context, options);
      await withClient(terminal, async (client) => {
        const { status } = await requireModel(client, terminal.env, model);
        const found = await ask(client, terminal, 'versions', model, { definition: status.definition });
        output.result({ model, ...found }, () => render(output, model, found));
      });
    });
}
