import { createHash } from 'node:crypto';
import { chainText, GENESIS, type ChainRow } from '../../contracts/purge/audit.js';
import type { Ledger, Seal } from '../../ledger/store.js';
import type { Faults } from './faults.js';

/** Rows read at a time. */
const PAGE = 1_000;

/** Recomputes the chain from its first row on, in memory of one page, and tells every row that isn't what it should be. */
export class ChainWalk {
  rows = 0;
  /** Sequence of the last row seen. */
  last = 0;
  private before: Pick<ChainRow, 'sequence' | 'hash' | 'at'> = { sequence: 0, hash: GENESIS, at: '' };
  private page: ChainRow[] = [];
  /** From below the first row: somebody may have put one there. */
  private after: { sequence: number; place?: string } = { sequence: Number.MIN_SAFE_INTEGER };

  constructor(
    private readonly ledger: Pick<Ledger, 'readChain'>,
    private readonly seal: Seal,
    private readonly faults: Faults,
    private readonly onPage: () => void,
  ) {}

  /** Goes on up to a row; answers its hash as it stands, undefined where there is no such row. */
  async hashAt(sequence: number): Promise<string | undefined> {
    let hash: string | undefined;
    while (this.last < sequence) {
      const row = await this.next();
      if (!row) return undefined;
      if (row.sequence === sequence) hash = row.hash;
    }
    return hash;
  }

  /** Goes on to the end. */
  async finish(): Promise<void> {
    while (await this.next());
  }

  private async next(): Promise<ChainRow | undefined> {
    if (this.page.length === 0) {
      const { rows, place } = await this.ledger.readChain(this.after, PAGE);
      this.page = rows.reverse();
      this.after = { sequence: rows[0]?.sequence ?? this.after.sequence, place: place ?? this.after.place };
      this.onPage();
    }
    const row = this.page.pop();
    if (!row) return undefined;
    this.faults.add(...rowFaults(row, this.before, this.seal));
    // What follows is judged by what stands here: one changed row is one fault, not one a row after it.
    if (row.sequence > 0) this.before = row;
    this.rows += 1;
    this.last = Math.max(this.last, row.sequence);
    return row;
  }
}

/** What is wrong with a row, each named by its sequence. */
function rowFaults(row: ChainRow, before: Pick<ChainRow, 'sequence' | 'hash' | 'at'>, seal: Seal): string[] {
  const { sequence } = row;
  if (sequence < 1) return [`row ${sequence} has no place in the chain, which begins with row 1`];
  if (sequence === before.sequence) return [`row ${sequence} is there twice`];
  const faults: string[] = [];
  const from = before.sequence + 1;
  if (sequence > from)
    faults.push(sequence - from === 1 ? `row ${from} is missing` : `rows ${from} to ${sequence - 1} are missing`);
  else if (row.previous !== before.hash) faults.push(`row ${sequence} does not follow from the row before it`);
  if (row.at < before.at) faults.push(`row ${sequence} is older than the row before it`);
  return [...faults, ...contentFaults(row, seal)];
}

/** What is wrong with a row taken by itself. */
function contentFaults(row: ChainRow, seal: Seal): string[] {
  const computed = createHash('sha256').update(chainText(row)).digest('hex');
  if (computed !== row.hash) return [`row ${row.sequence} was changed: its hash does not fit its content`];
  return row.seal === seal(row.hash)
    ? []
    : [`row ${row.sequence} was not written by Perennial: its seal is not of the key in SSM`];
}
