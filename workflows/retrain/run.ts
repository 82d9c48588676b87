import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { RunRef } from '../../contracts/activities.js';
import type { FailureType } from '../../contracts/failures.js';
import type { OutcomeObject, TrainingSummary } from '../../contracts/records.js';
import { resumeAdvice } from '../../contracts/resume.js';
import type { Outcome, RunInput, RunProgress, Stage } from '../../contracts/runs.js';
import { OUTCOME, STAGE } from '../search-attributes.js';

/** What a run has found and made so far; the outcome object grows out of it. */
export type Findings = Partial<
  Pick<
    OutcomeObject,
    | 'dataHash'
    | 'definitionHash'
    | 'fileRecordUri'
    | 'manifestUri'
    | 'files'
    | 'trainingJob'
    | 'image'
    | 'imageDigest'
    | 'imageDigestMissing'
    | 'instanceType'
    | 'billableSeconds'
    | 'artifactUri'
    | 'metrics'
    | 'modelName'
    | 'endpoint'
    | 'endpointConfig'
    | 'deployedAt'
    | 'evaluation'
    | 'prepared'
    | 'kind'
    | 'change'
    | 'modelHash'
  >
>;

/** The state of one run, and how it is shown: search attributes, current details, the progress query. */
export class Run {
  readonly ref: RunRef;
  readonly asOf: string;
  readonly found: Findings = {};
  readonly notes: string[] = [];
  readonly warnings: string[] = [];
  private readonly since: Partial<Record<Stage, number>> = {};
  private readonly startedAt = Date.now();
  private stageNow: Stage = 'check data';
  /** The stage that a run failed or was cancelled in, once it is done. */
  endedIn?: Stage;
  /** Whether an evaluation was begun: what it leaves behind is removed at the end. */
  leavesEvaluation = false;
  private decideByNow?: string;
  private outcome?: { outcome: Outcome; reason: string; failureType?: FailureType };

  constructor(readonly input: RunInput) {
    const { request, definition, runTime } = input;
    this.ref = { model: definition.name, run: workflowInfo().workflowId, runTime };
    this.asOf = request.asOf ?? request.nominalDate ?? new Date(this.startedAt).toISOString().slice(0, 10);
  }

  get stage(): Stage {
    return this.stageNow;
  }

  enter(stage: Stage): void {
    this.stageNow = stage;
    this.since[stage] ??= Date.now();
    upsertSearchAttributes([{ key: STAGE, value: stage }]);
    this.show();
  }

  note(line: string): void {
    this.notes.push(line);
    this.show();
  }

  warn(line: string): void {
    if (this.warnings.includes(line)) return;
    this.warnings.push(line);
    this.show();
  }

  /** Until when a person may decide; undefined while nobody is asked. ISO 8601. */
  get decideBy(): string | undefined {
    return this.decideByNow;
  }

  /** Waits for a person until then, or, without a time, no longer. */
  waitFor(decideBy: string | undefined): void {
    this.decideByNow = decideBy;
    this.show();
  }

  conclude(outcome: Outcome, reason: string, failureType?: FailureType): void {
    this.endedIn = this.stageNow;
    this.outcome = { outcome, reason, ...(failureType ? { failureType } : {}) };
    this.stageNow = 'done';
    this.since.done ??= Date.now();
    upsertSearchAttributes([
      { key: STAGE, value: 'done' },
      { key: OUTCOME, value: outcome },
    ]);
    this.show();
  }

  /** What a person can do about a run that ended badly. */
  get next(): string | undefined {
    const outcome = this.outcome?.outcome;
    if (this.decideByNow !== undefined) {
      return `waits until ${this.decideByNow} for \`perennial approve ${this.ref.run}\` or \`perennial reject ${this.ref.run}\`, each with --note`;
    }
    return outcome === 'Trained' ? undefined : resumeAdvice(this.ref.run, { ...this.outcome, ...this.found });
  }

  /** Seconds since the run began. */
  get seconds(): number {
    return (Date.now() - this.startedAt) / 1000;
  }

  /** Seconds spent in each stage so far. */
  stageSeconds(): Record<string, number> {
    const begun = Object.entries(this.since).filter(([stage]) => stage !== 'done');
    const end = this.since.done ?? Date.now();
    return Object.fromEntries(begun.map(([stage, at], index) => [stage, ((begun[index + 1]?.[1] ?? end) - at) / 1000]));
  }

  progress(): RunProgress {
    const { trainingJob, image, imageDigest, imageDigestMissing, artifactUri, fileRecordUri, dataHash } = this.found;
    const { endpoint, endpointConfig, files, metrics = [], prepared, evaluation } = this.found;
    return {
      stage: this.stageNow,
      since: Object.fromEntries(Object.entries(this.since).map(([stage, at]) => [stage, new Date(at).toISOString()])),
      ...this.outcome,
      resumes: this.input.request.resume,
      next: this.next,
      notes: this.notes,
      warnings: this.warnings,
      trainingJob,
      image,
      imageDigest,
      imageDigestMissing,
      training: this.training,
      endpoint,
      endpointConfig,
      files,
      dataHash,
      fileRecordUri,
      artifactUri,
      metrics,
      prepared,
      evaluation,
      decideBy: this.decideByNow,
    };
  }

  outcomeObject(ended: { outcome: Outcome; reason: string; failureType?: FailureType }): OutcomeObject {
    return {
      version: 1,
      run: this.ref.run,
      temporalRunId: workflowInfo().runId,
      model: this.ref.model,
      ...ended,
      trigger: this.input.request.trigger,
      resumes: this.input.request.resume,
      noDeploy: this.input.request.noDeploy,
      asOf: this.asOf,
      startedAt: new Date(this.startedAt).toISOString(),
      endedAt: new Date(this.since.done ?? Date.now()).toISOString(),
      stages: this.stageSeconds(),
      metrics: [],
      training: this.training,
      ...this.found,
      warnings: [...this.warnings],
    };
  }

  /** What the training job was asked for, once it is known on what it runs. */
  private get training(): TrainingSummary | undefined {
    const { image, instanceType } = this.found;
    if (image === undefined || instanceType === undefined) return undefined;
    const { algorithm, hyperparameters, count } = this.input.definition.training;
    return {
      ...(algorithm && { algorithm }),
      image,
      // SageMaker has them as strings.
      hyperparameters: Object.fromEntries(Object.entries(hyperparameters).map(([key, value]) => [key, String(value)])),
      instanceType,
      instanceCount: count,
    };
  }

  /** Markdown for the Temporal UI: what someone who opens the run at night wants to know first. */
  private show(): void {
    const heading = this.outcome
      ? `### ${this.outcome.outcome}\n${this.outcome.reason}`
      : `### ${this.ref.model}: ${this.stageNow}`;
    const { trainingJob, artifactUri, endpoint, endpointConfig, metrics = [], prepared } = this.found;
    const facts = [
      ['resumes', this.input.request.resume],
      ['as of', this.asOf],
      ['prepared', prepared && `${prepared.rows} rows, ${prepared.bytes} bytes, in ${Math.round(prepared.seconds)} s`],
      ['published to', prepared?.publishedTo],
      ['training job', trainingJob],
      ['artefact', artifactUri],
      ['endpoint', endpoint],
      ['endpoint config', endpointConfig],
      ...metrics.map((metric) => [metric.name, String(metric.value)]),
    ].filter((fact): fact is [string, string] => fact[1] !== undefined);
    setCurrentDetails(
      [
        heading,
        '',
        ...this.notes.map((line) => `- ${line}`),
        ...this.warnings.map((line) => `- ⚠️ ${line}`),
        '',
        ...(this.next === undefined ? [] : [this.next, '']),
        ...facts.map(([label, value]) => `**${label}** \`${value}\`  `),
      ].join('\n'),
    );
  }
}
