import type { Kind, SageMakerConfig } from './context.js';

/** Resource kinds that have an ARN of their own. */
export type ArnKind = Exclude<Kind, 'tags' | 'control'>;

/**
 * ARN of a resource, in the shape AWS uses: `arn:aws:sagemaker:<region>:<account>:<kind>/<name>`.
 * AWS writes the name in lower case in ARNs, and tools compare them that way.
 */
export function arn(config: Pick<SageMakerConfig, 'region' | 'accountId'>, kind: ArnKind, name: string): string {
  return `arn:${partition(config.region)}:sagemaker:${config.region}:${config.accountId}:${kind}/${name.toLowerCase()}`;
}

/** The kind and (lower-case) name that an ARN of ours names, or undefined for any other text. */
export function parseArn(value: string): { kind: ArnKind; name: string } | undefined {
  const match = /^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:([a-z-]+)\/([a-z0-9-]+)$/i.exec(value);
  const kind = match?.[1] as ArnKind | undefined;
  const name = match?.[2];
  if (!kind || !name || !ARN_KINDS.has(kind)) return undefined;
  return { kind, name: name.toLowerCase() };
}

const ARN_KINDS: ReadonlySet<string> = new Set<ArnKind>([
  'training-job',
  'model',
  'endpoint-config',
  'endpoint',
  'transform-job',
]);

function partition(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
