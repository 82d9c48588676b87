import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { judge, playInLanes } from '../../bench/support/campaign/in-lanes.js';
import { LaneWorker } from '../../bench/support/campaign/lane-worker.js';
import { drawPoints, nameOf, recordedCalls, type Point } from '../../bench/support/campaign/points.js';
import type { Call } from '../../bench/support/faults/index.js';

const call = (key: string, nth = 1): Call => ({ service: 'S3', operation: 'GetObject', resource: '', key, nth });
const point = (nth: number): Point => ({
  ...{ run: 'create', key: 'S3.GetObject a', nth, fresh: false, bytes: 0 },
  ...{ kind: 'dropped after', times: 1 },
});

describe('the calls of a campaign', () => {
  it('are those of a run, and those that only a fresh worker makes', () => {
    const calls = recordedCalls(
      'create',
      [call('start'), call('a'), call('a', 2)],
      [call('a'), call('a', 2), call('b')],
    );
    expect(calls.map(({ key, nth, fresh }) => [key, nth, fresh])).toEqual([
      ['a', 1, false],
      ['a', 2, false],
      ['b', 1, false],
      ['start', 1, true],
    ]);
  });
});

describe('the points that a seed draws', () => {
  const all = Array.from({ length: 50 }, (_, index) => point(index + 1));
  const names = (seed: number, count?: number) => drawPoints(all, { seed, count }).map(nameOf);

  it('are the same for the same seed, in whatever order they were recorded', () => {
    expect(names(7, 20)).toEqual(drawPoints([...all].reverse(), { seed: 7, count: 20 }).map(nameOf));
    expect(new Set(names(7, 20)).size).toBe(20);
    expect(names(8, 20)).not.toEqual(names(7, 20));
  });

  it('are all of them without a number', () => {
    expect(names(7).sort()).toEqual(all.map(nameOf).sort());
  });
});

describe('the judgement of a campaign', () => {
  const played = (problems: readonly string[] = []) => ({ problems });

  it('counts points that ended otherwise, and points that were not played', () => {
    expect(judge(2, [played(), played()])).toEqual({ figure: 0, ok: true });
    expect(judge(2, [played(), played(['two jobs'])])).toEqual({ figure: 1, ok: false });
    expect(judge(2, [played()])).toEqual({ figure: 1, ok: false });
  });

  it('is not good where nothing was played', () => {
    expect(judge(0, []).ok).toBe(false);
  });
});

describe('the lanes of a campaign', () => {
  const said: string[] = [];
  const context = { say: (line: string) => void said.push(line), signal: new AbortController().signal };
  const lanes = (play: (point: number) => Promise<string[]>) => {
    const open = new Set<string>();
    const names: string[] = [];
    const played = playInLanes(context, [1, 2, 3, 4, 5], {
      lanes: 2,
      open: async (name) => {
        open.add(name);
        return { close: async () => void open.delete(name) };
      },
      play: async (_lane, point, name) => {
        names.push(name);
        return { problems: await play(point) };
      },
      nameOf: (point) => `point ${point}`,
    });
    return { played, open, names };
  };

  it('play each point once, under a name of its own, say what went wrong, and are closed', async () => {
    const { played, open, names } = lanes(async (point) => (point === 3 ? ['two jobs'] : []));
    expect(await played).toHaveLength(5);
    expect(new Set(names).size).toBe(5);
    expect(said).toEqual(['point 3: two jobs']);
    expect(open.size).toBe(0);
  });

  it.each([
    [20, 16, 10],
    [6, 2, 2],
    [3, 16, 3],
    [32, 16, 16],
    [0, 16, 0],
  ])('are no more than %i points, with %i at most, need for their turns: %i', async (points, most, wanted) => {
    let opened = 0;
    const played = await playInLanes(context, Array.from({ length: points }, String), {
      lanes: most,
      open: async () => {
        opened += 1;
        return { close: async () => undefined };
      },
      play: async () => ({ problems: [] }),
      nameOf: String,
    });
    expect([played.length, opened]).toEqual([points, wanted]);
  });

  it('come to rest before what one of them throws is thrown', async () => {
    let rested = 0;
    const { played, open } = lanes(async (point) => {
      if (point === 1) throw new Error('the lane is broken');
      await new Promise((resolve) => setTimeout(resolve, 20));
      rested += 1;
      return [];
    });
    await expect(played).rejects.toThrow('the lane is broken');
    expect([rested, open.size]).toEqual([4, 0]);
  });
});

describe('the worker of a lane', () => {
  it('that ends at its start is told of, and nobody waits for what it was to do', async () => {
    const logsDir = await mkdtemp(join(tmpdir(), 'perennial-lane-'));
    onTestFinished(() => rm(logsDir, { recursive: true }));
    const worker = new LaneWorker({ env: {}, logsDir }, { AWS_REGION: 'nowhere' });
    let terminated = false;
    const handle = {
      workflowId: 'retrain/example',
      result: () => new Promise(() => undefined),
      terminate: async () => void (terminated = true),
    } as unknown as WorkflowHandle;
    await worker.hurry();
    const ended = worker.endOf(handle, { signal: new AbortController().signal, withinMs: 60_000 });
    await expect(ended).rejects.toThrow(/^The worker ended with 1\. .*AWS_REGION/s);
    expect(terminated).toBe(true);
    // One that is killed is no loss.
    await worker.hurry();
    await worker.kill();
    expect(worker.lost.aborted).toBe(false);
    await worker.close();
  }, 60_000);
});
