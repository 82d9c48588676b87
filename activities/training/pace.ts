/** The first pause after a refusal, and the longest; each is twice the one before. */
const FIRST_MS = 2_000;
const LONGEST_MS = 120_000;

/**
 * How fast a quota that others use too may be used: each refusal doubles the pause before the next call, each success halves it, so
 * that calls settle at a pace that goes through and come back to their own once the quota is free.
 */
export class Pace {
  private pauseMs = 0;
  private since = 0;
  private refusal: unknown;

  constructor(
    private readonly now: () => number,
    private readonly random: () => number = Math.random,
  ) {}

  /** A call was refused for being one too many. The pause varies by a quarter, so that several workers don't come back together. */
  refused(error: unknown): void {
    const pause = Math.min(LONGEST_MS, Math.max(FIRST_MS, this.pauseMs * 2));
    this.pauseMs = pause * (0.75 + this.random() / 4);
    this.since = this.now();
    this.refusal = error;
  }

  /** A call went through. */
  eased(): void {
    this.pauseMs = this.pauseMs > FIRST_MS ? this.pauseMs / 2 : 0;
    this.since = this.now();
  }

  /** Milliseconds until the next call. A clock that was set, forwards or back, ends the pause. */
  waitMs(): number {
    const passed = this.now() - this.since;
    return passed < 0 ? 0 : Math.max(0, Math.ceil(this.pauseMs - passed));
  }

  /** Throws the last refusal again while its pause lasts. */
  check(): void {
    if (this.waitMs() > 0) throw this.refusal;
  }
}
