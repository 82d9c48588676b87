import { findEngine } from '../../engine/find.js';
import { walkThrough, type Observations } from '../../examples/housing/walk-through.js';
import { playDemo } from '../support/demo.js';
import { holdings } from '../support/engine/leftovers.js';
import { withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

export const engine: Scenario = {
  name: 'engine',
  what: 'main job and housing example in containers and as processes: figures of the models that differ, requests lost, and what is left behind',
  unit: 'differences',
  limit: 0,
  bound: 'at most',
  measure,
};

async function measure(context: BenchContext): Promise<Measured> {
  const { say, signal } = context;
  const found = await findEngine('auto');
  say(`with ${found.name}, beside processes`);
  // Images are built before: what takes the time of the first job is not what is compared.
  const before = await holdings(found);
  const demos = { processes: await playDemo(context), containers: await playDemo(context, '--engine', found.name) };
  const walk = (name?: typeof found.name): Promise<Observations> =>
    withStack(context, ({ env }) => walkThrough({ env, say, signal }), undefined, name);
  const housing = { processes: await walk(), containers: await walk(found.name) };
  const left = [...(await holdings(found))].filter((thing) => !before.has(thing));

  const [ours, theirs] = [
    figuresOf(demos.processes.summary, housing.processes),
    figuresOf(demos.containers.summary, housing.containers),
  ];
  const different = Object.keys({ ...ours, ...theirs }).filter((name) => ours[name] !== theirs[name]);
  const lost = demos.containers.summary.traffic.failed;
  const outcomes = demos.containers.summary.runs.map(({ outcome }) => outcome);
  return {
    figure: different.length + lost + left.length,
    ok:
      different.length === 0 &&
      lost === 0 &&
      left.length === 0 &&
      Object.keys(ours).length > 2 &&
      outcomes.every((outcome) => outcome === 'Deployed'),
    detail: {
      ...{ engine: found.name, different, lost, left, outcomes },
      traffic: demos.containers.summary.traffic,
      seconds: { processes: demos.processes.seconds, containers: demos.containers.seconds },
      figures: { processes: ours, containers: theirs },
    },
  };
}

/** Every figure of the models, as its shortest exact text. */
function figuresOf(
  { runs }: Awaited<ReturnType<typeof playDemo>>['summary'],
  { run, invoked, transform }: Observations,
): Record<string, string> {
  const metrics = Object.entries(run.evaluation.candidate.metrics).map(([name, value]) => [`housing ${name}`, value]);
  return Object.fromEntries(
    [
      ...runs.map(({ metric }, index) => [`main job, run ${index + 1}`, metric.value]),
      ...metrics,
      ...invoked.map((price, index) => [`housing, row ${index + 1} asked`, price]),
      ...transform.predictions.map((price, index) => [`housing, row ${index + 1} transformed`, price]),
    ].map(([name, value]) => [String(name), String(value)]),
  );
}
