import { describe, expect, it } from 'vitest';
import { trainingRequest } from '../../activities/training/request.js';
import { definitionSchema, type DefinitionInput } from '../../contracts/definition/index.js';

const ref = { model: 'weather', run: 'retrain/weather/2026-11-21T09:00:00.123Z', runTime: '2026-11-21T09:00:00.123Z' };
const channels = [{ name: 'train', manifestUri: 's3://my-bucket/models/weather/runs/x/train.manifest', files: 3 }];
const KEY = 'alias/models';

function request(training: object = {}, others: Partial<DefinitionInput> = {}, attempt = 0, region = 'eu-west-1') {
  const definition = definitionSchema.parse({
    name: 'weather',
    role: 'arn:aws:iam::000000000000:role/sagemaker',
    data: { bucket: 'my-bucket' },
    training: { algorithm: 'linear-learner', ...training },
    ...others,
  });
  return trainingRequest({ ref, definition, attempt, channels }, region);
}

describe('CreateTrainingJob from a definition', () => {
  it('says everything the definition says', () => {
    const built = request(
      {
        hyperparameters: { predictor_type: 'regressor', epochs: 15, l1: 0.1, normalize_data: true },
        instances: ['ml.m5.xlarge'],
        count: 2,
        volumeGiB: 80,
        maxRuntime: '2h',
        spot: { maxWait: '3h' },
        environment: { MODE: 'fast' },
        tags: { team: 'ml', 'perennial:model': 'forged' },
      },
      {
        encryption: { key: KEY, output: 'alias/artifacts' },
        network: { subnets: ['subnet-1'], securityGroups: ['sg-1'], isolation: true },
      },
    );
    expect(built.request).toEqual({
      TrainingJobName: 'weather-20261121T090000123Z-1',
      RoleArn: 'arn:aws:iam::000000000000:role/sagemaker',
      AlgorithmSpecification: {
        TrainingImage: '438346466558.dkr.ecr.eu-west-1.amazonaws.com/linear-learner:1',
        TrainingInputMode: 'File',
      },
      HyperParameters: { predictor_type: 'regressor', epochs: '15', l1: '0.1', normalize_data: 'true' },
      InputDataConfig: [
        {
          ChannelName: 'train',
          ContentType: 'text/csv',
          DataSource: {
            S3DataSource: {
              S3DataType: 'ManifestFile',
              S3Uri: channels[0]?.manifestUri,
              S3DataDistributionType: 'FullyReplicated',
            },
          },
        },
      ],
      OutputDataConfig: { S3OutputPath: 's3://my-bucket/models/weather/artifacts', KmsKeyId: 'alias/artifacts' },
      ResourceConfig: { InstanceType: 'ml.m5.xlarge', InstanceCount: 2, VolumeSizeInGB: 80, VolumeKmsKeyId: KEY },
      StoppingCondition: { MaxRuntimeInSeconds: 7_200, MaxWaitTimeInSeconds: 10_800 },
      EnableManagedSpotTraining: true,
      Environment: { MODE: 'fast' },
      VpcConfig: { Subnets: ['subnet-1'], SecurityGroupIds: ['sg-1'] },
      EnableNetworkIsolation: true,
      Tags: [
        { Key: 'team', Value: 'ml' },
        { Key: 'perennial:model', Value: 'weather' },
        { Key: 'perennial:run', Value: ref.run },
        { Key: 'perennial:spec', Value: built.spec },
      ],
    });
  });

  it('leaves out what is unset', () => {
    const { request: plain } = request();
    expect(Object.keys(plain).sort()).toEqual([
      'AlgorithmSpecification',
      'HyperParameters',
      'InputDataConfig',
      'OutputDataConfig',
      'ResourceConfig',
      'RoleArn',
      'StoppingCondition',
      'Tags',
      'TrainingJobName',
    ]);
    expect(plain.ResourceConfig).not.toHaveProperty('VolumeKmsKeyId');
  });

  it('takes the attempt-th instance type, under a name of its own', () => {
    const second = request({ instances: ['ml.m5.large', 'ml.c5.xlarge'] }, {}, 1);
    expect(second.request.TrainingJobName).toBe('weather-20261121T090000123Z-2');
    expect(second.instanceType).toBe('ml.c5.xlarge');
    expect(() => request({}, {}, 1)).toThrow(/there is no attempt 2/);
  });

  it('hashes the request whatever the order of keys, and any change into another', () => {
    const one = request({ hyperparameters: { a: 1, b: 2 } });
    expect(request({ hyperparameters: { b: 2, a: 1 } }).spec).toBe(one.spec);
    expect(request({ hyperparameters: { a: 1, b: 3 } }).spec).not.toBe(one.spec);
    expect(request({ hyperparameters: { a: 1, b: 2 }, tags: { team: 'ml' } }).spec).toBe(one.spec);
  });

  it("does not drop a key in silence where an instance type can't take it", () => {
    const g5 = { instances: ['ml.g5.xlarge'] };
    expect(() => request(g5, { encryption: { key: KEY } })).toThrow(
      /ml\.g5\.xlarge .* encryption\.allowInstanceWithoutVolumeKey: true/,
    );
    const allowed = request(g5, { encryption: { key: KEY, allowInstanceWithoutVolumeKey: true } });
    expect(allowed.request.ResourceConfig).not.toHaveProperty('VolumeKmsKeyId');
    expect(allowed.request.OutputDataConfig?.KmsKeyId).toBe(KEY);
    expect(allowed.warnings).toEqual([expect.stringContaining('ml.g5.xlarge takes no volume key')]);
    expect(request(g5).warnings).toEqual([]);
  });

  it('passes metric definitions of an own image on', () => {
    const metrics = [{ name: 'rmse', regex: 'rmse=(.*)' }];
    const { AlgorithmSpecification } = request({ algorithm: undefined, image: 'registry/own:1', metrics }).request;
    expect(AlgorithmSpecification?.MetricDefinitions).toEqual([{ Name: 'rmse', Regex: 'rmse=(.*)' }]);
  });

  it('refuses a region whose registry nobody knows', () => {
    expect(() => request({}, {}, 0, 'mars-north-1')).toThrow(/mars-north-1.*training\.image/);
    const own = request({ algorithm: undefined, image: 'registry/own:1' }, {}, 0, 'mars-north-1');
    expect(own.image).toBe('registry/own:1');
  });
});
