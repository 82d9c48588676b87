import type { CertifiedExecution } from '../../contracts/purge/audit.js';
import type { Blocked, EntryCounts } from '../../contracts/purge/index.js';
import { formatBytes, formatTime, plural } from '../format.js';
import { escapeHtml } from '../report/html.js';

type Ended = NonNullable<CertifiedExecution['ended']>;
/** Text, or what stands there to the letter. */
type Cell = string | { readonly code: string } | { readonly number: number };

const GOOD = ['Purged', 'Deployed'];
const BAD = ['Blocked', 'Failed'];

/** How an outcome looks: gone, held back, or something else. */
export const outcomeClass = (outcome: string) =>
  GOOD.includes(outcome) ? 'good' : BAD.includes(outcome) ? 'bad' : 'open';

/** Commands stand between backquotes in words for people. */
const prose = (words: string) => escapeHtml(words).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

const text = (cell: Cell) => {
  if (typeof cell === 'string') return prose(cell);
  return 'code' in cell ? `<code>${escapeHtml(cell.code)}</code>` : cell.number.toLocaleString('en');
};

/** Names and what they stand for; those without a value are left out. */
export function facts(pairs: readonly (readonly [string, Cell | undefined])[]): string {
  const items = pairs.flatMap(([name, cell]) =>
    cell === undefined || cell === '' ? [] : [`<dt>${escapeHtml(name)}</dt><dd>${text(cell)}</dd>`],
  );
  return `<dl>${items.join('')}</dl>`;
}

function table(caption: string, head: readonly string[], rows: readonly (readonly Cell[])[], note = ''): string {
  const numbers = head.map((_name, column) =>
    rows.some((row) => typeof row[column] === 'object' && 'number' in row[column]),
  );
  const kind = (column: number) => (numbers[column] ? ' class="number"' : '');
  const names = head.map((name, column) => `<th scope="col"${kind(column)}>${escapeHtml(name)}</th>`);
  const lines = rows.map(
    (row) => `<tr>${row.map((cell, column) => `<td${kind(column)}>${text(cell)}</td>`).join('')}</tr>`,
  );
  return `<div class="scroll" role="region" aria-label="${escapeHtml(caption)}" tabindex="0">
<table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${names.join('')}</tr></thead>
<tbody>
${lines.join('\n')}
</tbody>
</table>
</div>${note === '' ? '' : `\n<p class="muted">${prose(note)}</p>`}`;
}

/** What was there, what went and what is left, by kind. */
export function countsTable({ erased, remaining, copies, rows, later, records }: Ended): string {
  const kinds: readonly (readonly [string, keyof EntryCounts])[] = [
    ['Versions in S3', 'versions'],
    ['Delete markers in S3', 'markers'],
    ['Uploads in flight', 'uploads'],
  ];
  const files = copies.mounts.reduce((sum, mount) => sum + mount.files, 0);
  const lines: Cell[][] = kinds.map(([name, kind]) => [
    name,
    { number: erased[kind] + remaining[kind] },
    { number: erased[kind] },
    { number: remaining[kind] },
  ]);
  if (copies.mounts.length > 0)
    lines.push(['Files on mounts', { number: copies.files }, { number: copies.files }, conflictsOf(copies.conflicts)]);
  if (rows) lines.push(['Rows in objects', { number: rows.rows }, { number: rows.rows }, '']);
  const notes = [
    `${plural(erased.keys, 'key')}, ${formatBytes(erased.bytes)} in S3.`,
    erased.atLeast &&
      'At least so much was erased in S3: a try was broken off, and what it had erased is not known to the last entry.',
    copies.mounts.length > 0 && files !== copies.files && `${plural(files, 'file')} counted on the mounts.`,
    rows?.objectsDeleted !== undefined &&
      rows.objectsDeleted > 0 &&
      `${plural(rows.objectsDeleted, 'object')} had no other row and went whole.`,
    later > 0 && `${plural(later, 'object')} uploaded since the purge began ${later === 1 ? 'was' : 'were'} left.`,
    records &&
      `Keyed hashes stand in place of the keys in ${plural(records.fileRecords, 'file record')}, ${plural(records.manifests, 'manifest')}, ${plural(records.scores, 'score record')} and ${plural(records.ledgerRows, 'ledger row')}.`,
  ];
  return table('Counts before and after', ['', 'Before', 'Erased', 'Left'], lines, notes.filter(Boolean).join(' '));
}

const conflictsOf = (conflicts: Readonly<Record<string, number>>): Cell => {
  const parts = Object.entries(conflicts).map(([reason, count]) => `${count}: ${reason}`);
  return parts.length === 0 ? { number: 0 } : parts.join('; ');
};

/** What could not be erased; nothing where all could. */
export function blockedTable(blocked: readonly Blocked[]): string {
  if (blocked.length === 0) return '';
  return table(
    'Blocked',
    ['By', 'Entries', 'Until', 'What to do'],
    blocked.map(({ by, entries, until, advice }) => [
      by,
      { number: entries },
      until === undefined ? 'no date' : formatTime(until),
      advice,
    ]),
  );
}

/** Models that saw the data, and what became of them. */
export function modelsTable({ lineage, retrained }: Ended): string {
  if (!lineage) return '';
  if (lineage.models.length === 0)
    return '<h3>Affected models</h3>\n<p>No model was trained or judged on the data.</p>';
  const became = (model: string) => {
    const runs = retrained.filter((one) => one.model === model);
    if (runs.length > 0) return runs.map(({ run, outcome = 'running' }) => `${outcome} (${run})`).join(', ');
    return lineage.live.includes(model) ? 'still live, not retrained by this purge' : 'not live';
  };
  const seen = [
    `${plural(lineage.runs, 'run')} used the data.`,
    lineage.batchOutputs > 0 && `${plural(lineage.batchOutputs, 'batch output')} came of it or of its models.`,
    lineage.runningJobs.length > 0 && `Jobs that were reading it: ${lineage.runningJobs.join(', ')}.`,
  ];
  return table(
    'Affected models',
    ['Model', 'Served when the purge began', 'What became of it'],
    lineage.models.map((model) => [model, lineage.live.includes(model) ? 'yes' : 'no', became(model)]),
    seen.filter(Boolean).join(' '),
  );
}

/** Targets by keyed hash. */
export function targetsTable({ targets, moreTargets, ended }: CertifiedExecution): string {
  if (targets.length === 0) return '';
  const hash = ended?.reportHash;
  const more =
    moreTargets > 0
      ? `and ${moreTargets.toLocaleString('en')} more, in the report${hash === undefined ? '' : ` whose SHA-256 is ${hash}`}.`
      : '';
  return table(
    'Targets',
    ['Keyed hash', 'Kind', 'Bucket', 'Left'],
    targets.map(({ hash: keyed, kind, bucket, remaining }) => [
      { code: keyed },
      kind,
      { code: bucket },
      { number: remaining },
    ]),
    `A keyed hash stands for a key that may be personal; who has the key in question can ask \`perennial audit erased\` whether it is among them. ${more}`.trim(),
  );
}
