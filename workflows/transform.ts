import {
  CancellationScope,
  CancelledFailure,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunRef } from '../contracts/activities.js';
import { durationMs } from '../contracts/duration.js';
import { MESSAGES } from '../contracts/runs.js';
import {
  batchJobName,
  type TransformInput,
  type TransformProgress,
  type TransformResult,
} from '../contracts/transforms.js';
import { causeOf, failure, heedCancel } from './failures.js';
import { SLACK, WAIT, liveModels, slack, transforms, waits } from './profiles.js';
import { MODEL, OUTCOME, SCHEDULED } from './search-attributes.js';

const progressQuery = defineQuery<TransformProgress>(MESSAGES.progress);

/**
 * One batch transform with the model that is live when it starts. Its value says where the answers are; a failed one fails with a typed
 * failure, a cancelled one ends as Cancelled with its job stopped. What it wrote until then stays.
 */
export async function transform(input: TransformInput): Promise<TransformResult> {
  const work = new Work(input);
  setHandler(progressQuery, () => work.progress);
  try {
    const result = await work.run();
    work.end(result.outcome, result.reason);
    return result;
  } catch (error) {
    throw await work.endBadly(error);
  }
}

/** The state of one transform, and how it is shown. */
class Work {
  progress: TransformProgress = { state: 'looking for the model', notes: [], warnings: [] };
  private readonly startedAt = Date.now();
  private readonly ref: RunRef;

  constructor(private readonly input: TransformInput) {
    const { workflowId, typedSearchAttributes } = workflowInfo();
    // A start that came late is a start of its nominal time all the same: that says which day's rows it takes.
    const nominal = typedSearchAttributes.get(SCHEDULED)?.toISOString();
    const runTime = nominal ?? input.time ?? new Date(this.startedAt).toISOString();
    this.ref = { model: input.definition.name, run: workflowId, runTime };
    upsertSearchAttributes([{ key: MODEL, value: input.definition.name }]);
    this.show();
  }

  async run(): Promise<TransformResult> {
    const { ref } = this;
    const { definition, transform: wanted } = this.input;
    const { modelName, run, because } = await liveModels.findLiveModel({ definition });
    this.note(`model \`${modelName}\`, ${because}`);
    const { inputUri, outputUri, transformJob } = await this.answered(modelName);
    const counted = await this.count(outputUri);
    return {
      outcome: 'Completed',
      reason: `${outputUri} holds the answers of ${modelName}`,
      model: ref.model,
      name: wanted.name,
      transformJob,
      modelName,
      ...(run !== undefined && { run }),
      inputUri,
      outputUri,
      ...counted,
      seconds: this.seconds,
      warnings: this.progress.warnings,
    };
  }

  /** The job to its end. Its name is known before it is: what stops it stands ready before it is made. */
  private async answered(modelName: string) {
    const { ref } = this;
    const { definition, transform: wanted } = this.input;
    const transformJob = batchJobName(this.input, ref.runTime);
    let atAnEnd = false;
    try {
      const started = await transforms.startTransform({ ref, definition, transform: wanted, modelName });
      started.warnings.forEach((line) => this.warn(line));
      this.progress = { ...this.progress, state: 'running' };
      this.note(`transform job \`${transformJob}\` on ${wanted.count} × ${wanted.instanceType}`);
      this.note(`from ${started.inputUri} to ${started.outputUri}`);
      heedCancel();
      await waits.awaitTransform.executeWithOptions(
        { ...WAIT, scheduleToCloseTimeout: durationMs(wanted.maxWait), summary: transformJob },
        [{ ref, transformJob, poll: definition.waiting.poll }],
      );
      atAnEnd = true;
      return started;
    } catch (error) {
      const { type } = causeOf(error);
      atAnEnd ||= type === 'TransformFailed' || type === 'TransformStopped';
      // A job of this name that somebody else made is not this one's to stop.
      if (!atAnEnd && type !== 'NameConflict') await this.stop(transformJob);
      throw error;
    }
  }

  /** A transform that ends early leaves no job running, whether or not the create was answered. */
  private async stop(transformJob: string): Promise<void> {
    await CancellationScope.nonCancellable(async () => {
      try {
        const { status } = await waits.stopTransform({ ref: this.ref, transformJob });
        this.note(`transform job \`${transformJob}\` is ${status}`);
      } catch (error) {
        this.warn(`transform job ${transformJob} may still be running, stop it by hand: ${causeOf(error).message}`);
      }
    });
  }

  /** The answers are there, whether or not the worker may list them. */
  private async count(outputUri: string): Promise<{ objects?: number; bytes?: number }> {
    return CancellationScope.nonCancellable(async () => {
      try {
        const counted = await liveModels.countAnswers({ ref: this.ref, outputUri });
        this.note(`${counted.objects} object${counted.objects === 1 ? '' : 's'} with answers`);
        return counted;
      } catch (error) {
        this.warn(`the answers were not counted: ${causeOf(error).message}`);
        return {};
      }
    });
  }

  /** Shows how it ended, and tells Slack of a failure. Answers with what the workflow must throw. */
  async endBadly(error: unknown): Promise<unknown> {
    return CancellationScope.nonCancellable(async () => {
      const { cancelled, type, message } = causeOf(error);
      this.end(cancelled ? 'Cancelled' : 'Failed', message);
      if (cancelled) return isCancellation(error) ? error : new CancelledFailure(message);
      await this.tell(message, type);
      return failure(type ?? 'UnknownStatus', message, error);
    });
  }

  end(state: 'Completed' | 'Failed' | 'Cancelled', reason: string): void {
    this.progress = { ...this.progress, state, reason };
    upsertSearchAttributes([{ key: OUTCOME, value: state }]);
    this.show();
  }

  private async tell(reason: string, failureType: string | undefined): Promise<void> {
    const { definition, transform: wanted, time } = this.input;
    if (!definition.notify.slack) return;
    try {
      await slack.notifySlack.executeWithOptions({ ...SLACK, summary: 'failed' }, [
        {
          slack: definition.notify.slack,
          notice: {
            kind: 'ended',
            subject: `batch transform ${wanted.name}`,
            ref: this.ref,
            temporalRunId: workflowInfo().runId,
            stage: 'done',
            request: { trigger: time === undefined ? 'schedule' : 'manual' },
            outcome: 'Failed',
            reason,
            failureType,
            metrics: [],
            seconds: this.seconds,
            stages: {},
            warnings: this.progress.warnings,
          },
        },
      ]);
    } catch (error) {
      this.warn(`Slack was not told: ${causeOf(error).message}`);
    }
  }

  private get seconds(): number {
    return (Date.now() - this.startedAt) / 1000;
  }

  private note(line: string): void {
    this.progress = { ...this.progress, notes: [...this.progress.notes, line] };
    this.show();
  }

  private warn(line: string): void {
    this.progress = { ...this.progress, warnings: [...this.progress.warnings, line] };
    this.show();
  }

  /** Markdown for the Temporal UI. */
  private show(): void {
    const { state, reason, notes, warnings } = this.progress;
    const heading = reason === undefined ? `### ${this.input.transform.name}: ${state}` : `### ${state}\n${reason}`;
    const lines = [...notes.map((line) => `- ${line}`), ...warnings.map((line) => `- ⚠️ ${line}`)];
    setCurrentDetails([heading, '', ...lines].join('\n'));
  }
}
