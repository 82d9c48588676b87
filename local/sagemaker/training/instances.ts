import { TrainingInstanceType, TransformInstanceType } from '@aws-sdk/client-sagemaker';

/** What the installed SDK knows of AWS's lists. */
export const TRAINING_INSTANCE_TYPES: readonly string[] = Object.values(TrainingInstanceType);
export const TRANSFORM_INSTANCE_TYPES: readonly string[] = Object.values(TransformInstanceType);

/** Families with NVMe storage whose name does not say so by a `d` after the generation (`g4dn`, `p4d`, `m5d`). */
const UNMARKED = /^(g5|g6e?|gr6|p5en?|p5|p6\S*|trn\d\w*)$/;

/** True for instance types whose local NVMe storage refuses VolumeKmsKeyId. */
export function hasLocalStorage(instanceType: string): boolean {
  const family = instanceType.split('.')[1] ?? '';
  return UNMARKED.test(family) || /^[a-z]+\d+[a-z]*d/.test(family);
}
