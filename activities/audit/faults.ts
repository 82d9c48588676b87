/** As many as a person reads, and an answer of a few kilobytes holds. */
const MOST_TOLD = 100;

/** Faults in the order they were found; beyond the hundredth they are counted alone. */
export class Faults {
  private readonly found: string[] = [];
  private more = 0;

  add(...faults: readonly string[]): void {
    for (const fault of faults) {
      if (this.found.length < MOST_TOLD) this.found.push(fault);
      else this.more += 1;
    }
  }

  list(): string[] {
    return this.more === 0 ? [...this.found] : [...this.found, `and ${this.more} more faults`];
  }
}
