/** `ml.<family>.<size>`; the list of families is AWS's and grows. */
export const INSTANCE_PATTERN = '^ml\\.[a-z0-9-]+\\.[a-z0-9-]+$';

/** Families with NVMe storage whose name does not say so by a `d` after the generation (`g4dn`, `p4d`, `m5d`). */
const UNMARKED = /^(g5|g6e?|gr6|p5en?|p5|p6\S*|trn\d\w*)$/;

/** True for instance types whose local NVMe storage refuses VolumeKmsKeyId. */
export function hasLocalStorage(instanceType: string): boolean {
  const family = instanceType.split('.')[1] ?? '';
  return UNMARKED.test(family) || /^[a-z]+\d+[a-z]*d/.test(family);
}
