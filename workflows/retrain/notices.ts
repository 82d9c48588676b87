import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { Notice } from '../../contracts/notices.js';
import { causeOf } from '../failures.js';
import { SLACK, slack } from '../profiles.js';
import type { Run } from './run.js';

/**
 * The run's Slack thread. Messages go out in order beside the work, never before it: an outage becomes one warning,
 * and costs the run at most the seconds of the last message.
 */
export class Notices {
  private threadTs?: string;
  private chain: Promise<void> = Promise.resolve();
  private newest?: Notice;
  private outage = false;

  constructor(private readonly run: Run) {}

  post(kind: Notice['kind']): void {
    const target = this.run.input.definition.notify.slack;
    if (!target) return;
    const notice = this.notice(kind);
    this.newest = notice;
    this.chain = this.chain.then(async () => {
      // While Slack is out only the newest message is tried: it says everything the older ones would have.
      if (this.outage && this.newest !== notice) return;
      try {
        // Also when the run is cancelled meanwhile: a message cut off half-way may be out, and its thread would be lost.
        const { ts } = await CancellationScope.nonCancellable(() =>
          slack.notifySlack.executeWithOptions({ ...SLACK, summary: kind }, [
            { slack: target, notice, threadTs: this.threadTs },
          ]),
        );
        this.threadTs ??= ts;
        this.outage = false;
      } catch (error) {
        this.outage = true;
        this.run.warn(`Slack was not told (${kind}): ${causeOf(error).message}`);
      }
    });
  }

  /** Resolves once everything posted so far has gone out or been given up. Never rejects. */
  async drain(): Promise<void> {
    await this.chain;
  }

  private notice(kind: Notice['kind']): Notice {
    const { trigger, force, noDeploy, set, resume } = this.run.input.request;
    const { stage, outcome, reason, failureType } = this.run.progress();
    const { files, trainingJob, instanceType, endpoint, endpointConfig, metrics = [], evaluation } = this.run.found;
    return {
      kind,
      ref: this.run.ref,
      temporalRunId: workflowInfo().runId,
      stage: outcome === 'Failed' || outcome === 'Cancelled' ? (this.run.endedIn ?? stage) : stage,
      request: { trigger, force, noDeploy, set, resume },
      outcome,
      change: this.run.found.change,
      reason,
      failureType,
      files,
      trainingJob,
      instanceType,
      endpoint,
      endpointConfig,
      metrics,
      evaluation,
      decideBy: this.run.decideBy,
      seconds: this.run.seconds,
      stages: this.run.stageSeconds(),
      warnings: [...this.run.warnings],
      next: this.run.next,
    };
  }
}
