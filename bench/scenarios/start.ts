import { playDemo } from '../support/demo.js';
import { round } from '../support/figures.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MOST_SECONDS = 60;

export const start: Scenario = {
  name: 'start',
  what: '`npm start -- --once --json` in an empty state folder, packages installed: both runs Deployed, better than "same as today"',
  unit: 's',
  limit: MOST_SECONDS,
  bound: 'at most',
  measure,
};

async function measure(context: BenchContext): Promise<Measured> {
  const { seconds, summary } = await playDemo(context);
  const { runs, traffic } = summary;
  const good = runs.every(({ outcome, metric }) => outcome === 'Deployed' && metric.value < metric.baseline);
  context.say(`${runs.length} runs in ${seconds.toFixed(1)} s`);
  return {
    figure: round(seconds, 1),
    ok: seconds < MOST_SECONDS && runs.length === 2 && good && traffic.failed === 0,
    detail: { seconds, ...summary },
  };
}
