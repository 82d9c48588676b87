import type { Mirror } from '../../contracts/storage/index.js';
import type { ObjectName } from './objects.js';

/**
 * What was copied by what was known of tombstones a moment before is judged once more by what is known after it: a purge may have begun meanwhile. Kept in
 * memory: what a worker that dies has not judged is reconciling's to find.
 */
export class Afterwards {
  private waiting = new Map<string, { readonly mirror: Mirror; readonly object: ObjectName }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly judge: (mirror: Mirror, object: ObjectName, since: number) => Promise<unknown>,
    private readonly afterMs: number,
  ) {}

  add(mirror: Mirror, object: ObjectName): void {
    this.waiting.set(`${mirror.path}\0${object.bucket}\0${object.key}`, { mirror, object });
    this.timer ??= setTimeout(() => void this.run(), this.afterMs).unref();
  }

  private async run(): Promise<void> {
    const since = performance.now();
    const some = this.waiting;
    this.waiting = new Map();
    this.timer = undefined;
    for (const { mirror, object } of some.values())
      // What can't be told now is told later.
      await this.judge(mirror, object, since).catch(() => this.add(mirror, object));
  }
}
