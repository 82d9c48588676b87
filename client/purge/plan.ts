import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { PurgeOptions, PurgePlanCopies, PurgePlanObjects, RowsPlan } from '../../contracts/purge/index.js';
import type { LineageAnswer } from '../../contracts/purge/lineage.js';
import type { PurgePlanned } from '../../contracts/purge/process.js';
import { ask } from '../ask.js';
import { recordsPlace, withExchange } from '../exchange.js';
import { formatBytes, plural } from '../format.js';
import type { Output } from '../output.js';
import { printable } from '../printable.js';
import type { Terminal } from '../terminal.js';
import type { Listed } from './start.js';
import { blockedInWords, conflictsInWords, entriesInWords, recordsInWords, targetsInWords } from './view.js';

/** What a dry run found. Its lists hold keys; `--json` prints all of it. */
export interface PurgePlan extends PurgePlanned {
  readonly objects?: PurgePlanObjects;
  readonly copies?: PurgePlanCopies;
  readonly rows?: RowsPlan;
  readonly seenBy: LineageAnswer;
}

/** How many lines of a kind people are shown. */
const SHOWN = 30;

/** Has the worker say what a purge of the list would erase. Its answers are read and deleted. */
export async function planPurge(
  client: Client,
  terminal: Terminal,
  { list, storage }: Listed,
  options: PurgeOptions,
): Promise<PurgePlan> {
  return withExchange(terminal, recordsPlace(storage.records), async (exchange, interrupt) => {
    const [objects, copies, rows, lineage] = ['objects', 'copies', 'rows', 'lineage'].map((name) =>
      exchange.output(name),
    ) as [string, string, string, string];
    const read = async <T>(uri: string) => JSON.parse(await exchange.read(uri)) as T;
    const outputs = { objects, copies, rows, lineage };
    const input = { targetsUri: list.uri, options, storage, outputs };
    const planned = await ask(client, terminal, 'purgePlan', randomUUID(), input, interrupt);
    return {
      ...planned,
      ...(planned.targets.values > 0
        ? { rows: await read<RowsPlan>(rows) }
        : { objects: await read<PurgePlanObjects>(objects), copies: await read<PurgePlanCopies>(copies) }),
      seenBy: await read<LineageAnswer>(lineage),
    };
  });
}

/** Some lines, and how many more there are. */
function shortened(lines: readonly string[], more = 0): string {
  const hidden = Math.max(0, lines.length - SHOWN) + more;
  return [...lines.slice(0, SHOWN), ...(hidden > 0 ? [`and ${hidden} more; --json has up to 10,000`] : [])].join('\n');
}

const section = (title: string, body: string | undefined) => (body ? `${title}\n${body}` : '');

function renderObjects(
  output: Output,
  { targets, more, total, blocked, locksNotSeen = 0 }: PurgePlanObjects,
): string[] {
  const rows = targets
    .slice(0, SHOWN)
    .map(({ uri, versions, markers, uploads, bytes, copies }) => [
      String(versions),
      String(markers),
      String(uploads),
      formatBytes(bytes),
      printable(uri) + (copies.length > 0 ? `, ${plural(copies.length, 'declared copy').replace(/ys$/, 'ies')}` : ''),
    ]);
  const hidden = Math.max(0, targets.length - SHOWN) + more;
  return [
    section(
      output.style('bold', 'In S3'),
      `${output.table(['versions', 'markers', 'uploads', 'size', 'target'], rows)}${hidden > 0 ? `\nand ${hidden} more; --json has up to 10,000` : ''}\n${targets.length + more > 1 ? `in all ${entriesInWords(total)}` : ''}`.trimEnd(),
    ),
    section(
      output.style('yellow', 'Blocked as it stands'),
      [
        ...blocked.map((one) => output.wrapped(blockedInWords(one), 2)),
        ...(locksNotSeen > 0
          ? [`the locks of ${plural(locksNotSeen, 'more version')} were not looked at; those of 10,000 were`]
          : []),
      ].join('\n'),
    ),
  ];
}

function renderCopies(output: Output, { paths, more, files, bytes, conflicts }: PurgePlanCopies): string[] {
  return [
    section(
      output.style('bold', 'On mounts'),
      files === 0
        ? 'nothing'
        : `${shortened(paths.map(printable), more)}\nin all ${plural(files, 'file')}, ${formatBytes(bytes)}`,
    ),
    section(output.style('yellow', 'Not to be erased from mounts'), conflictsInWords(conflicts)),
  ];
}

function renderLineage(output: Output, { files, endpoints, batchOutputs, warnings }: LineageAnswer): string[] {
  const uses = [
    ...new Set(
      files.flatMap((file) =>
        file.uses.map(
          ({ run, as, outcome, modelName }) => `${run}  ${as}, ${outcome}${modelName ? `, model ${modelName}` : ''}`,
        ),
      ),
    ),
  ];
  return [
    section(output.style('bold', 'Runs that saw it'), shortened(uses) || 'none that is recorded'),
    section(
      output.style('bold', 'Endpoints'),
      shortened(
        endpoints.map(({ endpoint, modelName = '', live }) => `${endpoint}  ${modelName}${live ? ', live' : ''}`),
      ),
    ),
    section(
      output.style('bold', 'Batch outputs'),
      shortened(batchOutputs.map(({ outputUri, because }) => `${printable(outputUri)}  ${because}`)),
    ),
    ...warnings.map((warning) => output.style('yellow', output.wrapped(`warning: ${warning}`, 2))),
  ];
}

/** For people. */
export function renderPlan(output: Output, plan: PurgePlan): string {
  const { targets, lineage, objects, copies, rows, seenBy } = plan;
  return [
    `${targetsInWords(targets)}. This is what would go; nothing was erased`,
    ...(objects ? renderObjects(output, objects) : []),
    ...(copies ? renderCopies(output, copies) : []),
    rows
      ? section(
          output.style('bold', 'Rows'),
          `${shortened(
            rows.objects.map(({ uri, rows: count }) => `${count}  ${printable(uri)}`),
            rows.more,
          )}\nin all ${plural(rows.rows, 'row')} of ${plural(rows.searched, 'object')} searched`.trimStart(),
        )
      : '',
    section(
      output.style('yellow', 'Cannot be searched, so its rows would stay'),
      rows && shortened(rows.unreadable.map(({ uri, why }) => `${printable(uri)}  ${why}`)),
    ),
    ...renderLineage(output, seenBy),
    section(
      output.style('bold', 'Records that would name it no more'),
      lineage.records &&
        `${shortened((seenBy.records ?? []).map(printable))}\n${recordsInWords(lineage.records)}`.trimStart(),
    ),
    section(output.style('yellow', 'Jobs that read it now'), lineage.runningJobs.join('\n')),
  ]
    .filter(Boolean)
    .join('\n\n');
}
