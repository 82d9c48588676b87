import type { TrainingEnded } from '../../contracts/activities.js';
import { durationMs } from '../../contracts/duration.js';
import type { Evaluation, Holdout } from '../../contracts/evaluation.js';
import type { MetricName } from '../../contracts/metrics.js';
import { failure, heedCancel } from '../failures.js';
import { WAIT, evaluations, scoring, waits } from '../profiles.js';
import { figure, judge } from './gate.js';
import type { Run } from './run.js';
import { confirmFiles } from './train.js';

/** What a candidate is judged on. */
export interface Bench {
  readonly fileRecordUri: string;
  readonly holdout: Holdout | undefined;
}

/**
 * Predicts the holdout's rows with the candidate, and with the live model where its score on them isn't known yet, scores both and puts the
 * candidate to the gate. `round` counts from 1. What it leaves behind is removed when the run ends.
 */
export async function evaluate(run: Run, trained: TrainingEnded, bench: Bench, round: number): Promise<Evaluation> {
  const { definition } = run.input;
  const { ref } = run;
  const { fileRecordUri, holdout } = bench;
  const wanted = definition.evaluation;
  if (!wanted || !holdout) {
    throw failure('DataInvalid', `checkData found no holdout for ${ref.run}; this is a defect of Perennial`);
  }
  run.enter('evaluate');
  // Before anything is made: what stops and removes it stands ready.
  run.leavesEvaluation = true;
  const { trainingJob, artifactUri } = trained;
  // Both to their end: a job that is made while the run fails for the files would go on for ever.
  const [making, confirmed] = await Promise.allSettled([
    evaluations.startEvaluation({
      ref,
      definition,
      image: run.found.image ?? '',
      artifactUri,
      trainingJob,
      fileRecordUri,
      holdout,
      round,
    }),
    round === 1 ? confirmFiles(run, fileRecordUri) : undefined,
  ]);
  if (confirmed.status === 'rejected') throw confirmed.reason;
  if (making.status === 'rejected') throw making.reason;
  const started = making.value;
  started.warnings.forEach((line) => run.warn(line));
  heedCancel();
  const transformJobs = [started.transformJob, started.live?.transformJob].filter((job) => job !== undefined);
  run.note(
    `transform jobs \`${transformJobs.join('`, `')}\` predict ${holdout.files} files, ${holdout.from} to ${holdout.to}`,
  );
  await waits.awaitTransforms.executeWithOptions(
    { ...WAIT, scheduleToCloseTimeout: durationMs(wanted.maxWait), summary: transformJobs.join(', ') },
    [{ ref, transformJobs, poll: definition.waiting.poll }],
  );
  const scored = await scoring.scoreModels({ ref, definition, fileRecordUri, holdout, started });
  run.enter('gate');
  // A person who approved the candidate did so for good.
  const approval = run.found.evaluation?.approval;
  const evaluation: Evaluation = { ...scored, verdict: judge(wanted, scored), ...(approval && { approval }) };
  Object.assign(run.found, { evaluation });
  run.note(inWords(evaluation, [wanted.metric, ...wanted.metrics]));
  run.note(`gate ${evaluation.verdict?.passed ? 'passed' : 'not passed'}: ${evaluation.verdict?.reasons.join('; ')}`);
  return evaluation;
}

/** `evaluated on 1,234 rows of 30 files: mdape 0.0871 (live 0.0912), rmse …`. */
function inWords({ rows, holdout, candidate, live, notCompared }: Evaluation, metrics: readonly MetricName[]): string {
  const figures = [...new Set(metrics)].map(
    (name) => `${name} ${figure(candidate.metrics[name])}${live ? ` (live ${figure(live.metrics[name])})` : ''}`,
  );
  const aside = notCompared === undefined ? '' : `; not compared: ${notCompared}`;
  return `evaluated on ${rows} rows of ${holdout.files} files: ${figures.join(', ')}${aside}`;
}
