import type { BenchContext, Measured } from '../../scenario.js';

/** What plays one thing at a time. */
interface Lane {
  close(): Promise<void>;
}

/** What became of a point. */
interface Played {
  /** Empty where all ended as it should. */
  readonly problems: readonly string[];
}

interface Lanes<L extends Lane, P, R extends Played> {
  /** So many at most. */
  readonly lanes: number;
  /** `lane1` is the first. */
  readonly open: (name: string) => Promise<L>;
  /** `name` is of this point alone, and short. */
  readonly play: (lane: L, point: P, name: string) => Promise<R>;
  /** For people. */
  readonly nameOf: (point: P) => string;
}

/**
 * As few as play these points in as many turns as the most would: a lane costs more to open (a worker, a deployed model) than a point to play,
 * and of sixteen lanes that play twenty points, twelve would be opened for one.
 */
const lanesFor = (points: number, most: number): number => Math.ceil(points / Math.max(1, Math.ceil(points / most)));

/**
 * Plays all points, each in one of so many lanes at most, which are opened for it and closed, and says at once what went wrong. What a lane
 * throws is thrown once all have come to rest.
 */
export async function playInLanes<L extends Lane, P, R extends Played>(
  { say, signal }: Pick<BenchContext, 'say' | 'signal'>,
  points: readonly P[],
  { lanes, open, play, nameOf }: Lanes<L, P, R>,
): Promise<R[]> {
  const waiting = [...points];
  const played: R[] = [];
  const lane = async (index: number) => {
    const own = await open(`lane${index}`);
    try {
      for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
        signal.throwIfAborted();
        const one = await play(own, point, `${index}-${waiting.length}`);
        played.push(one);
        if (one.problems.length > 0) say(`${nameOf(point)}: ${one.problems.join('; ')}`);
        if (played.length % 10 === 0) say(`${played.length} of ${points.length} played`);
      }
    } finally {
      await own.close();
    }
  };
  const all = Array.from({ length: lanesFor(points.length, lanes) }, (_, index) => lane(index + 1));
  // All of them come to rest first: what they use is closed after this.
  const failed = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected');
  if (failed) throw (failed as PromiseRejectedResult).reason;
  return played;
}

/** Good where every point was played and ended as it should. */
export function judge(points: number, played: readonly Played[]): Pick<Measured, 'figure' | 'ok'> {
  const figure = points - played.filter(({ problems }) => problems.length === 0).length;
  return { figure, ok: figure === 0 && points > 0 };
}
