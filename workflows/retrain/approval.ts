import { ApplicationFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow';
import { durationMs } from '../../contracts/duration.js';
import type { Approval, Decision } from '../../contracts/evaluation.js';
import type { FailureType } from '../../contracts/failures.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { Notices } from './notices.js';
import type { Run } from './run.js';

const decideUpdate = defineUpdate<Approval, [Decision]>(MESSAGES.decide);

/** The question to a person whether a candidate may be deployed. One timer, however long it waits. */
export class ApprovalDesk {
  private approval?: Approval;

  constructor(private readonly run: Run) {
    setHandler(decideUpdate, (decision) => this.take(decision), { validator: (_decision) => this.admit() });
  }

  /** Asks, and answers with the decision or with the time-out, which rejects. */
  async ask(notices: Notices): Promise<Approval> {
    const { run } = this;
    const limit = durationMs(run.input.definition.evaluation?.approvalTimeout ?? '7d');
    run.waitFor(new Date(Date.now() + limit).toISOString());
    notices.post('approval');
    await condition(() => this.approval !== undefined, limit);
    run.waitFor(undefined);
    return (this.approval ??= { decision: 'timed out', at: new Date().toISOString() });
  }

  private take({ approve, by, note }: Decision): Approval {
    this.approval = {
      decision: approve ? 'approved' : 'rejected',
      by,
      ...(note === undefined ? {} : { note }),
      at: new Date().toISOString(),
    };
    // At once, so that a second decision of the same moment is refused.
    this.run.waitFor(undefined);
    return this.approval;
  }

  private admit(): void {
    if (this.run.decideBy !== undefined) return;
    const { stage, outcome } = this.run.progress();
    const decided =
      this.approval && `${this.approval.decision}${this.approval.by ? ` by ${this.approval.by}` : ''} already`;
    const why = decided ?? (outcome ? `over: ${outcome}` : `in stage ${stage}, which asks nobody`);
    throw ApplicationFailure.nonRetryable(
      `${this.run.ref.run} is ${why}; nothing was changed`,
      'InvalidRequest' satisfies FailureType,
    );
  }
}

/** `approved by ada: looks good`, `no decision within 7d`. */
export const approvalInWords = ({ decision, by, note }: Approval, timeout: string | undefined): string =>
  decision === 'timed out'
    ? `nobody decided within ${timeout ?? 'the time given'}`
    : `${decision} by ${by ?? 'somebody'}${note ? `: ${note}` : ''}`;
