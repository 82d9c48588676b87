/** What a scenario may use of the process it runs in. */
export interface BenchContext {
  /** Progress, for people. */
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C: whatever the scenario started is to be stopped. */
  readonly signal: AbortSignal;
}

export interface Measured {
  /** Computed from raw observations that `detail` holds. */
  readonly figure: number;
  readonly ok: boolean;
  readonly detail: object;
}

export interface Scenario {
  readonly name: string;
  /** In one line, what is measured. */
  readonly what: string;
  readonly unit: string;
  /** The figure is to stay at most (or at least) at this. */
  readonly limit: number;
  readonly bound: 'at most' | 'at least';
  measure(context: BenchContext): Promise<Measured>;
}
