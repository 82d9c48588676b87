/** Works on what a source yields, so many at once, and reads on only as fast as that goes. The first failure ends it once the others are through. */
export async function forEachOf<T>(
  source: AsyncIterable<T>,
  atOnce: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const items = source[Symbol.asyncIterator]();
  let index = 0;
  let failed = false;
  const worker = async () => {
    while (!failed) {
      const { done, value } = await items.next();
      if (done) return;
      await work(value, index++);
    }
  };
  const guarded = () =>
    worker().catch((error: unknown) => {
      failed = true;
      throw error;
    });
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, guarded));
  await items.return?.();
  const first = ended.find((one) => one.status === 'rejected');
  if (first) throw first.reason;
}

/** Hands results on in the order of their index, whatever order they come in. */
export function inOrder<T>(take: (result: T) => void): (index: number, result: T) => void {
  const waiting = new Map<number, T>();
  let next = 0;
  return (index, result) => {
    waiting.set(index, result);
    for (; waiting.has(next); next += 1) {
      take(waiting.get(next) as T);
      waiting.delete(next);
    }
  };
}
