/** What plays one thing at a time. */
export interface Lane {
  close(): Promise<void>;
}

/** Plays all things, each in one of so many lanes, which are opened for it and closed; what a lane throws is thrown once all have come to rest. */
export async function inLanes<L extends Lane, T>(
  width: number,
  things: readonly T[],
  open: (index: number) => Promise<L>,
  play: (lane: L, thing: T, place: { readonly lane: number; readonly left: number }) => Promise<void>,
): Promise<void> {
  const waiting = [...things];
  const one = async (index: number) => {
    const lane = await open(index);
    try {
      for (let thing = waiting.shift(); thing !== undefined; thing = waiting.shift())
        await play(lane, thing, { lane: index, left: waiting.length });
    } finally {
      await lane.close();
    }
  };
  const lanes = Array.from({ length: Math.min(width, things.length) }, (_, index) => one(index + 1));
  // All of them come to rest first: what they use is closed after this.
  const failed = (await Promise.allSettled(lanes)).find((ended) => ended.status === 'rejected');
  if (failed) throw failed.reason;
}
