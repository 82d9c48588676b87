/** Which points of a campaign are played. */
export interface Draw {
  /** So many of them; all without. */
  readonly points?: number;
  /** Decides which, and their order; a new one without. */
  readonly seed?: number;
}

/** What a scenario may use of the process it runs in. */
export interface BenchContext {
  /** Progress, for people. */
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C: whatever the scenario started is to be stopped. */
  readonly signal: AbortSignal;
  /** Given only to a scenario that takes points. */
  readonly draw?: Draw;
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
  /** Whether it is a campaign of points, of which `--points` and `--seed` choose some. */
  readonly takesPoints?: boolean;
  measure(context: BenchContext): Promise<Measured>;
}
