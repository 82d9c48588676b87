import { parseRunId } from '../../contracts/names.js';
import type { Output } from '../output.js';
import { comparisonRows, OTHER_DATA, OTHER_ROWS, type Row } from './rows.js';
import type { RunColumn } from './view.js';

/** Characters of a cell on a terminal, and between two columns. */
const WIDEST_CELL = 44;
const GAP = 2;

const clip = (cell: string) =>
  // Of a long image or URI the end tells them apart.
  cell.length <= WIDEST_CELL ? cell : `…${cell.slice(cell.length - WIDEST_CELL + 1)}`;

const timeOf = ({ run }: RunColumn) => parseRunId(run)?.time ?? run;

/** What the marks in the table mean, and what is not known. */
function notes(runs: readonly RunColumn[]): string[] {
  const cells = comparisonRows(runs).flatMap((row) => row.cells);
  const unknown = (of: (run: RunColumn, index: number) => boolean) => runs.filter(of).map(({ run }) => run);
  const noHyperparameters = unknown(({ training }) => training !== undefined && training.hyperparameters === undefined);
  const noDefinition = unknown(({ definitionChanges }, index) => index > 0 && definitionChanges === undefined);
  return [
    ...(cells.some((cell) => cell.endsWith(`)${OTHER_DATA}`))
      ? [`${OTHER_DATA} on other data than the first run's: the difference may be the data's, not the model's.`]
      : []),
    ...(cells.some((cell) => cell.endsWith(OTHER_ROWS))
      ? [`${OTHER_ROWS}: judged on other rows than the first run, so not comparable with it.`]
      : []),
    ...noHyperparameters.map(
      (run) =>
        `The hyperparameters of ${run} are not known: its training job was deleted, and the run did not record them.`,
    ),
    ...noDefinition.map(
      (run) =>
        `Only the hash of the definition of ${run} is compared with the first run's: Temporal keeps the history of one of them no more.`,
    ),
  ];
}

/** As many columns at a time as the terminal takes, the first run with each of them. */
function blocks(runs: readonly RunColumn[], rows: readonly Row[], columns: number): number[][] {
  const width = (at: number) =>
    Math.max(timeOf(runs[at] as RunColumn).length, ...rows.map(({ cells }) => clip(cells[at] ?? '').length)) + GAP;
  const fixed = Math.max(...rows.map(({ label }) => label.length)) + GAP + width(0);
  const found: number[][] = [];
  let room = 0;
  for (let at = 1; at < runs.length; at++) {
    if (found.length === 0 || width(at) > room) {
      found.push([0]);
      room = columns - fixed;
    }
    found.at(-1)?.push(at);
    room -= width(at);
  }
  return found;
}

/** For people at a terminal. */
export function renderTable(output: Output, runs: readonly RunColumn[], columns = Number.POSITIVE_INFINITY): string {
  const rows = comparisonRows(runs);
  const tables = blocks(runs, rows, columns).map((block) =>
    output.table(
      ['RUN', ...block.map((at) => timeOf(runs[at] as RunColumn))],
      rows.map(({ label, cells }) => [label, ...block.map((at) => clip(cells[at] ?? ''))]),
    ),
  );
  return [...tables, notes(runs).join('\n')].filter(Boolean).join('\n\n');
}

/** Keys by run, one a line, as `--files` shows them. */
export function renderFiles(runs: readonly RunColumn[]): string {
  return runs
    .slice(1)
    .map(({ run, files, holdoutFiles }) => {
      const lines = (
        [
          ['', files],
          [' (holdout)', holdoutFiles],
        ] as const
      ).flatMap(([what, difference]) => [
        ...(difference?.added ?? []).map((key) => `+ ${key}${what}`),
        ...(difference?.removed ?? []).map((key) => `- ${key}${what}`),
        ...(difference?.changed ?? []).map((key) => `~ ${key}${what}`),
      ]);
      return [`${run}:`, ...(lines.length > 0 ? lines : ['no file differs'])].join('\n');
    })
    .join('\n\n');
}

const escape = (cell: string) =>
  cell
    .trimStart()
    .replaceAll(/[\\|`*_<>[\]]/g, String.raw`\$&`)
    .replaceAll(/\s+/g, ' ');

/** A Markdown table of all runs, for a pull request or a wiki. */
export function renderMarkdown(runs: readonly RunColumn[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escape).join(' | ')} |`;
  const table = [
    line(['run', ...runs.map(({ run }) => run)]),
    `| ${['run', ...runs].map(() => '---').join(' | ')} |`,
    ...comparisonRows(runs).map(({ label, cells }) => line([label, ...cells])),
  ];
  return [table.join('\n'), ...notes(runs).map(escape)].join('\n\n');
}
