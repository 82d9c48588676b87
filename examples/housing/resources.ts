import type { S3Client } from '@aws-sdk/client-s3';
import {
  DescribeEndpointConfigCommand,
  DescribeTrainingJobCommand,
  DescribeTransformJobCommand,
  paginateListTransformJobs,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { keyOfObject, type KeyFound } from './upload.js';

/** What was made, as `perennial show` and `perennial transform` name it. */
interface Made {
  readonly trainingJob: string;
  readonly artifactUri: string;
  /** `<model>-<time>`: the names of the run's other resources begin with it. */
  readonly endpointConfig: string;
  readonly transformJob: string;
}

/**
 * The keys of what was made, from SageMaker's and S3's own descriptions: volume and output of the training job, the artefact, the endpoint
 * config, and volume and output of the transform jobs, the evaluation's and the one asked for.
 */
export async function keysOf(sagemaker: SageMakerClient, s3: S3Client, made: Made): Promise<KeyFound[]> {
  const { trainingJob, endpointConfig } = made;
  const [training, config] = await Promise.all([
    sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: trainingJob })),
    sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: endpointConfig })),
  ]);
  const found: KeyFound[] = [
    { what: `volume of training job ${trainingJob}`, key: training.ResourceConfig?.VolumeKmsKeyId },
    { what: `output of training job ${trainingJob}`, key: training.OutputDataConfig?.KmsKeyId },
    await keyOfObject(s3, made.artifactUri),
    { what: `endpoint config ${endpointConfig}`, key: config.KmsKeyId },
  ];
  for (const name of [...(await transformJobs(sagemaker, `${endpointConfig}-`)), made.transformJob]) {
    const job = await sagemaker.send(new DescribeTransformJobCommand({ TransformJobName: name }));
    found.push(
      { what: `volume of transform job ${name}`, key: job.TransformResources?.VolumeKmsKeyId },
      { what: `output of transform job ${name}`, key: job.TransformOutput?.KmsKeyId },
    );
  }
  return found;
}

async function transformJobs(client: SageMakerClient, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of paginateListTransformJobs({ client }, { NameContains: prefix }))
    names.push(...(page.TransformJobSummaries ?? []).flatMap(({ TransformJobName }) => TransformJobName ?? []));
  return names;
}
