import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type {
  Blocked,
  CopiesErased,
  EntryCounts,
  Erased,
  PurgeInput,
  PurgeOptions,
  PurgeRef,
  PurgeWork,
  RowsErased,
  TargetsSeen,
} from '../../contracts/purge/index.js';
import { HELD_ON_MOUNTS } from '../../contracts/purge/mounts.js';
import type { LineageSummary, RecordsRedacted } from '../../contracts/purge/lineage.js';
import type { PurgeProgress, PurgeStage, RetrainedModel } from '../../contracts/purge/process.js';
import type { Storage } from '../../contracts/storage/index.js';
import { OUTCOME, STAGE } from '../search-attributes.js';

const NOTHING: EntryCounts = { versions: 0, markers: 0, uploads: 0, bytes: 0 };

const plus = (a: EntryCounts, b: EntryCounts): EntryCounts => ({
  versions: a.versions + b.versions,
  markers: a.markers + b.markers,
  uploads: a.uploads + b.uploads,
  bytes: a.bytes + b.bytes,
});

export const entriesOf = ({ versions, markers, uploads }: EntryCounts) => versions + markers + uploads;

/** `1 file`, `3 files`. */
export const plural = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`;

/** What a purge has found and done so far: its result and the last row of the chain grow out of it. Counts and names only. */
interface Findings {
  targets?: TargetsSeen;
  erased: Erased;
  copies: CopiesErased;
  rows?: RowsErased;
  remaining: EntryCounts;
  later: number;
  blocked: readonly Blocked[];
  lineage?: LineageSummary;
  records: RecordsRedacted;
  retrained: readonly RetrainedModel[];
  report?: { readonly reportUri: string; readonly reportHash: string };
}

/** The state of one purge, and how it is shown: search attributes, current details, the progress query. */
export class Purge {
  readonly ref: PurgeRef;
  readonly options: PurgeOptions;
  readonly found: Findings = {
    erased: { ...NOTHING, keys: 0 },
    copies: { files: 0, bytes: 0, mounts: [], conflicts: {} },
    remaining: NOTHING,
    later: 0,
    blocked: [],
    records: { fileRecords: 0, manifests: 0, scores: 0, ledgerRows: 0 },
    retrained: [],
  };
  readonly warnings: string[] = [];
  /** Files that went in this execution, and had other links: it is seen as they go. */
  linked = 0;
  /** Whether the chain has this purge; `asked`: it may have. */
  inChain: 'no' | 'asked' | 'yes' = 'no';
  private readonly notes: string[] = [];
  private readonly startedAt = Date.now();
  private storage?: Storage;
  private stage: PurgeStage = 'inspect';
  private end?: Pick<PurgeProgress, 'outcome' | 'reason'>;

  constructor(readonly input: PurgeInput) {
    const { runId, startTime } = workflowInfo();
    this.options = input.options ?? {};
    this.ref = {
      request: input.request,
      execution: runId,
      startedAt: input.since ?? startTime.toISOString(),
    };
  }

  /** What each activity gets; there once it is known where records go. */
  get work(): PurgeWork {
    if (!this.storage) throw new TypeError('the storage of this purge is not known yet');
    const { targetsUri, targetsHash } = this.input;
    const hash = this.found.targets?.hash ?? targetsHash;
    return {
      ref: this.ref,
      storage: this.storage,
      targetsUri,
      ...(hash !== undefined && { targetsHash: hash }),
      options: this.options,
    };
  }

  /** The same of all executions, as far as nobody says that the other links are removed. */
  get links(): number {
    const { links = 0, linksRemoved } = this.input;
    return this.linked + (linksRemoved ? 0 : links);
  }

  useStorage(storage: Storage): void {
    this.storage = storage;
  }

  get seconds(): number {
    return (Date.now() - this.startedAt) / 1000;
  }

  get progress(): PurgeProgress {
    const { targets, erased } = this.found;
    const { versions, markers, uploads, bytes } = erased;
    return {
      stage: this.stage,
      ...(targets && {
        targets: { objects: targets.objects, prefixes: targets.prefixes, values: targets.values },
      }),
      ...this.end,
      erased: { versions, markers, uploads, bytes },
      ...(this.links > 0 && { links: this.links }),
      notes: this.notes,
      warnings: this.warnings,
    };
  }

  enter(stage: PurgeStage): void {
    if (this.stage === stage && stage !== 'inspect') return;
    this.stage = stage;
    upsertSearchAttributes([{ key: STAGE, value: stage }]);
    this.show();
  }

  countErased(counts: Erased): void {
    const { erased } = this.found;
    const sum = { ...plus(erased, counts), keys: erased.keys + counts.keys };
    this.found.erased = erased.atLeast || counts.atLeast ? { ...sum, atLeast: true } : sum;
    this.show();
  }

  /** A leg ended without an answer: what it erased is not known. */
  loseCount(): void {
    this.found.erased = { ...this.found.erased, atLeast: true };
  }

  note(line: string): void {
    this.notes.push(line);
    this.show();
  }

  warn(line: string): void {
    if (this.warnings.includes(line)) return;
    this.warnings.push(line);
    this.show();
  }

  /** What on mounts is in a copy's place, and keeps no content of a target. */
  warnOfMounts(conflicts: Readonly<Record<string, number>>): void {
    for (const [reason, count] of Object.entries(conflicts))
      if (!(reason in HELD_ON_MOUNTS)) this.warn(`on mounts: ${count} × ${reason}`);
  }

  finish(outcome: NonNullable<PurgeProgress['outcome']>, reason: string): void {
    this.end = { outcome, reason };
    if (outcome !== 'Failed' && outcome !== 'Cancelled') this.stage = 'done';
    upsertSearchAttributes([{ key: OUTCOME, value: outcome }]);
    this.show();
  }

  /** Markdown for the Temporal UI. */
  private show(): void {
    const heading = this.end ? `### ${this.end.outcome}\n${this.end.reason}` : `### ${this.stage}`;
    const lines = [...this.notes.map((line) => `- ${line}`), ...this.warnings.map((line) => `- ⚠️ ${line}`)];
    setCurrentDetails([heading, '', ...lines].join('\n'));
  }
}
