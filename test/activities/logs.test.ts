import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogPages, LogsInput } from '../../contracts/insight.js';
import { until } from '../local/fixtures/sagemaker.js';
import { InsightWorld } from './support/insight-world.js';
import { runActivity } from './support/local-sagemaker.js';

const GROUP = '/aws/sagemaker/TrainingJobs';
let world: InsightWorld;
beforeAll(async () => {
  world = await InsightWorld.make();
});
afterAll(() => world.close());

const read = async (query: Partial<LogsInput>) => {
  const outputUri = world.outputUri();
  const input = { definition: world.definition(), outputUri, group: GROUP, prefix: '', cursors: {}, ...query };
  await runActivity(world.activities.readLogs, input);
  return world.read<LogPages>(outputUri);
};
const cursorsOf = ({ pages }: LogPages) => Object.fromEntries(pages.map(({ stream, cursor }) => [stream, cursor]));

describe('readLogs', () => {
  it('tells a group or a stream that is not there from an empty one', async () => {
    expect(await read({ group: '/aws/sagemaker/Endpoints/none' })).toEqual({ found: false, pages: [] });
    expect(await read({ prefix: 'no-such-job/' })).toEqual({ found: false, pages: [] });
    expect(await read({ prefix: 'x/', trainingJob: 'no-such-job' })).toMatchObject({ jobStatus: 'Absent' });
  });

  it('reads every host of a job, each line once, and says how the job stands', async () => {
    await world.train('two-hosts', { print: 'one|two', sleepMs: '1500' }, 2);
    const query = { prefix: 'two-hosts/', trainingJob: 'two-hosts' };
    const first = await until(async () => {
      const answer = await read(query);
      return answer.pages.length === 2 && answer.pages.every(({ lines }) => lines.length >= 2) ? answer : undefined;
    }, 'the output of both hosts');
    expect(first.pages.map(({ stream }) => stream.replace(/-\d+$/, ''))).toEqual([
      'two-hosts/algo-1',
      'two-hosts/algo-2',
    ]);
    for (const { lines } of first.pages) expect(lines.map(({ text }) => text).slice(0, 2)).toEqual(['one', 'two']);

    const again = await read({ ...query, cursors: cursorsOf(first) });
    expect(again.pages.map(({ lines, more }) => ({ lines, more }))).toEqual([
      { lines: [], more: false },
      { lines: [], more: false },
    ]);
    await world.fixture.job('two-hosts');
    expect((await read({ ...query, cursors: cursorsOf(again) })).jobStatus).toBe('Completed');
  });

  it('goes on page by page where there is more than one answer holds', async () => {
    const lines = Array.from({ length: 23 }, (_, index) => `line ${index}`);
    await world.train('much', { print: lines.join('|') });
    await world.fixture.job('much');
    // As many lines as an answer of CloudWatch Logs holds are more than a test should print.
    const fewer = (next: (args: { input: object }) => unknown) => (args: { input: object }) =>
      next('limit' in args.input ? { ...args, input: { ...args.input, limit: 5 } } : args);
    world.cloudWatchLogs.middlewareStack.add(fewer as never, { step: 'initialize', name: 'fewer' });
    let answers = 0;
    const seen: string[] = [];
    let cursors = {};
    for (let more = true; more;) {
      const answer = await read({ prefix: 'much/', cursors });
      const [page] = answer.pages;
      seen.push(...(page?.lines ?? []).map(({ text }) => text));
      more = page?.more ?? false;
      cursors = cursorsOf(answer);
      answers += 1;
    }
    world.cloudWatchLogs.middlewareStack.remove('fewer');
    expect(seen.slice(0, lines.length)).toEqual(lines);
    expect(answers).toBeGreaterThan(4);
  });

  it('leaves out what is older than asked for', async () => {
    await world.train('late', { print: 'early' });
    await world.fixture.job('late');
    const since = Date.now() + 60_000;
    expect((await read({ prefix: 'late/', since })).pages.flatMap(({ lines }) => lines)).toEqual([]);
  });
});
