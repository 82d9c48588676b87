import type { AuditVerdict, ErasedAnswer } from '../../contracts/purge/audit.js';
import { formatTime, plural } from '../format.js';
import type { Output } from '../output.js';

/** What verifying found, for people: the faults, or that there are none, and what that rests on. */
export function verdictText(output: Output, { rows, heads, faults, unanchored, notes }: AuditVerdict): string {
  const basis = `${plural(rows, 'row')} recomputed, ${plural(heads, 'signed head')} compared`;
  const lines = [
    faults.length === 0
      ? `${output.style('green', 'intact')}: ${basis}, no fault`
      : `${output.style('red', plural(faults.length, 'fault'))}: ${basis}`,
    ...faults.map((fault) => `  ${fault}`),
    ...(unanchored > 0 && heads > 0
      ? [`${plural(unanchored, 'row')} at the end ${unanchored === 1 ? 'has' : 'have'} no head yet`]
      : []),
    ...notes.map((note) => `note: ${note}`),
  ];
  return lines.join('\n');
}

const HOW = {
  target: 'it was named',
  prefix: 'a prefix of it was named',
  listed: 'a list of what was erased has it',
} as const;

/** Which purges erased an object, for people. */
export function erasedText(output: Output, { hash, executions }: ErasedAnswer): string {
  if (executions.length === 0) return `no purge erased it; its keyed hash is ${hash}`;
  const rows = executions.map(({ request, execution, requestedAt, outcome = 'not ended', endedAt, how }) => [
    ...[request, outcome, formatTime(requestedAt), endedAt === undefined ? '' : formatTime(endedAt)],
    ...[how.map((one) => HOW[one]).join(', '), execution],
  ]);
  const table = output.table(['REQUEST', 'OUTCOME', 'REQUESTED', 'ENDED', 'HOW', 'EXECUTION'], rows, ['REQUESTED']);
  return `${table}\nits keyed hash is ${hash}`;
}
