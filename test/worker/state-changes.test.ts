import { describe, expect, it } from 'vitest';
import { wakeOf } from '../../worker/listener/state-changes.js';

const training = (detail: Record<string, unknown>) =>
  wakeOf({ source: 'aws.sagemaker', 'detail-type': 'SageMaker Training Job State Change', detail });
const endpoint = (detail: Record<string, unknown>) =>
  wakeOf({ source: 'aws.sagemaker', 'detail-type': 'SageMaker Endpoint State Change', detail });

const TIME = '20261121T090000123Z';
const RUN = 'retrain/seattle-weather/2026-11-21T09:00:00.123Z';

describe('the wait that an event ends', () => {
  it.each(['Completed', 'Failed', 'Stopped', 'SomethingNew'])('training job %s', (TrainingJobStatus) => {
    expect(training({ TrainingJobName: `seattle-weather-${TIME}-1`, TrainingJobStatus })).toEqual({
      workflowId: RUN,
      activity: 'awaitTrainingJob',
    });
  });

  it('an endpoint in service on the config of a run', () => {
    const detail = { EndpointName: 'e', EndpointConfigName: `seattle-weather-${TIME}`, EndpointStatus: 'IN_SERVICE' };
    expect(endpoint(detail)).toEqual({ workflowId: RUN, activity: 'awaitEndpoint' });
    expect(endpoint({ ...detail, EndpointStatus: 'UPDATING' })).toBeUndefined();
  });

  it.each([
    ['a job that goes on', { TrainingJobName: `m-${TIME}-1`, TrainingJobStatus: 'InProgress' }],
    ["somebody else's job", { TrainingJobName: 'pytorch-2026-11-21-09-00-00-123', TrainingJobStatus: 'Completed' }],
    ['a name that only looks like ours', { TrainingJobName: `${TIME}-1`, TrainingJobStatus: 'Completed' }],
    ['no name', { TrainingJobStatus: 'Completed' }],
  ])('none: %s', (_what, detail) => expect(training(detail)).toBeUndefined());

  it('none: another source, no detail', () => {
    expect(
      wakeOf({ source: 'mine', 'detail-type': 'SageMaker Training Job State Change', detail: {} }),
    ).toBeUndefined();
    expect(
      wakeOf({ source: 'aws.sagemaker', 'detail-type': 'SageMaker Training Job State Change', detail: {} }),
    ).toBeUndefined();
  });
});
