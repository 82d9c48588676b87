/**
 * One at a time for each name. Who comes while another waits is served by that one, which looks at the state of things only when its turn has
 * come: a crowd of events about one key costs two looks.
 */
export class Turns<T> {
  private readonly last = new Map<string, { readonly running: Promise<T>; next?: Promise<T> }>();

  take(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(name);
    if (!before) return this.start(name, work);
    before.next ??= before.running.then(
      () => this.start(name, work),
      () => this.start(name, work),
    );
    return before.next;
  }

  private start(name: string, work: () => Promise<T>): Promise<T> {
    const turn: { readonly running: Promise<T>; next?: Promise<T> } = {
      running: work().finally(() => {
        if (!turn.next) this.last.delete(name);
      }),
    };
    this.last.set(name, turn);
    return turn.running;
  }
}
