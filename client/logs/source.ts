import type { LogsInput } from '../../contracts/insight.js';
import { deploymentName, parseRunId } from '../../contracts/names.js';
import type { RunView } from '../run/view.js';

/** Whose output is wanted. */
export type LogKind = 'training' | 'transform' | 'endpoint';

/** Where the output lies in CloudWatch Logs (SageMaker's developer guide, log groups and streams). */
export interface LogSource extends Pick<LogsInput, 'group' | 'prefix' | 'since' | 'trainingJob'> {
  readonly kind: LogKind;
}

/** Where a run's output lies, or a sentence that says why there is none. */
export function logSource(view: RunView, kind: LogKind): LogSource | string {
  const { run, model, state, trainingJob, endpoint, deployedAt } = view;
  switch (kind) {
    case 'training':
      if (trainingJob !== undefined)
        return { kind, group: '/aws/sagemaker/TrainingJobs', prefix: `${trainingJob}/`, trainingJob };
      if (state === 'queued') return `${run} waits in its model's queue: it has no training job yet`;
      if (state === 'running') return `${run} has no training job yet: it is in stage ${view.stage ?? 'check data'}`;
      return `${run} ended as ${state} without a training job: there is no output`;
    case 'transform':
      return {
        kind,
        group: '/aws/sagemaker/TransformJobs',
        prefix: `${deploymentName(model, parseRunId(run)?.time ?? '')}-`,
      };
    case 'endpoint':
      if (endpoint === undefined) return `${run} deployed to no endpoint: there is no output`;
      return {
        kind,
        group: `/aws/sagemaker/Endpoints/${endpoint}`,
        prefix: '',
        ...(deployedAt !== undefined && { since: Date.parse(deployedAt) }),
      };
  }
}
