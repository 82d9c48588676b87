import type { FileLineage, FileUse, LineageAnswer } from '../../contracts/purge/lineage.js';
import { formatTime, plural } from '../format.js';
import type { Output } from '../output.js';
import { printable } from '../printable.js';

/** What is said of a file that no run used. */
const UNUSED = `no run used it
check the key letter by letter: upper and lower case, %20 and + count as they stand. Runs that looked at the bucket and found nothing new leave no record; of models that Temporal and the ledger have both forgotten nothing is known: \`perennial ledger rebuild --source\` brings their runs back`;

/** Who saw a file, for people: what serves now comes first. */
export function lineageText(output: Output, answer: LineageAnswer): string {
  const { files, endpoints, batchOutputs, warnings } = answer;
  const live = endpoints.filter((one) => one.live);
  const past = endpoints.filter((one) => !one.live);
  const blocks = [
    output.wrapped(files.length === 0 ? UNUSED : headline(output, answer)),
    live.length > 0 &&
      titled(
        output,
        'Live now',
        live.map((one) => endpointLine(one)),
      ),
    ...files.map((file) => versionBlock(output, file)),
    past.length > 0 &&
      titled(
        output,
        'Served before',
        past.map((one) => endpointLine(one)),
      ),
    batchOutputs.length > 0 &&
      titled(
        output,
        'Batch outputs',
        batchOutputs.map(
          ({ transformJob, modelName, outputUri, because }) =>
            `${printable(outputUri)}  ${transformJob}, ${because === 'input' ? 'read the file' : `made by ${modelName}`}`,
        ),
      ),
    ...warnings.map((warning) => output.style('yellow', output.wrapped(`warning: ${warning}`, 2))),
  ];
  return blocks.filter(Boolean).join('\n\n');
}

const titled = (output: Output, title: string, lines: readonly string[]) =>
  [output.style('bold', title), ...lines.map((line) => `  ${output.wrapped(line, 4)}`)].join('\n');

const endpointLine = ({ endpoint, modelName, endpointConfig, run, deployedAt }: LineageAnswer['endpoints'][number]) =>
  `${endpoint}  model ${modelName ?? endpointConfig}, deployed by ${run} at ${formatTime(deployedAt)}`;

function headline(output: Output, { files, endpoints }: LineageAnswer): string {
  const uses = files.flatMap((file) => file.uses);
  const runs = new Set(uses.map(({ run }) => run));
  const models = [...new Set(uses.map(({ model }) => model))].sort();
  const trained = new Set(uses.filter(({ as }) => as === 'trained').map(({ run }) => run));
  const live = endpoints.filter((one) => one.live).length;
  const verdict =
    live > 0
      ? output.style(
          'yellow',
          `${plural(live, 'endpoint')} ${live === 1 ? 'serves' : 'serve'} a model that trained on it`,
        )
      : 'no endpoint serves a model that trained on it';
  return `${plural(runs.size, 'run')} of ${models.join(', ')} used it, ${trained.size} to train on; ${verdict}`;
}

function versionBlock(output: Output, { uri, etag, versionId, mounted, uses }: FileLineage): string {
  const version = [
    `ETag ${etag.replaceAll('"', '')}`,
    versionId && `version ${versionId}`,
    mounted && 'by way of a mount',
  ];
  const rows = uses.map((use) => [use.run, use.as, use.channel, use.outcome, madeBy(use)]);
  return `${output.style('bold', printable(uri))}  ${version.filter(Boolean).join(', ')}\n${output.table(
    ['RUN', 'AS', 'CHANNEL', 'OUTCOME', 'MODEL'],
    rows,
    ['CHANNEL'],
  )}`;
}

const madeBy = ({ modelName, trainingJob }: FileUse) => modelName ?? trainingJob ?? '';
