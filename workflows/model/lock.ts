/** Who may touch the endpoint. One at a time; work by hand goes before waiting runs. Pure. */
export class EndpointLock {
  private current?: string;
  private readonly waiting: { holder: string; byHand: boolean }[] = [];

  get holder(): string | undefined {
    return this.current;
  }

  get busy(): boolean {
    return this.current !== undefined || this.waiting.length > 0;
  }

  /** Asks for the lock; asking twice is asking once. */
  want(holder: string, byHand = false): void {
    if (this.current === holder || this.waiting.some((one) => one.holder === holder)) return;
    this.waiting.push({ holder, byHand });
  }

  /** Gives the lock to the next in line if it is free, and says to whom. */
  grant(): string | undefined {
    if (this.current !== undefined) return undefined;
    const byHand = this.waiting.findIndex((one) => one.byHand);
    const [next] = this.waiting.splice(byHand < 0 ? 0 : byHand, 1);
    this.current = next?.holder;
    return this.current;
  }

  /** Frees the lock, or gives up the wait for it. */
  release(holder: string): void {
    if (this.current === holder) this.current = undefined;
    const index = this.waiting.findIndex((one) => one.holder === holder);
    if (index >= 0) this.waiting.splice(index, 1);
  }
}
