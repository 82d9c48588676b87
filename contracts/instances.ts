// Families with local NVMe storage encrypt it in hardware and refuse VolumeKmsKeyId on training and transform jobs.
// Source: SageMaker API reference, ResourceConfig.VolumeKmsKeyId.
const NVME_FAMILIES = new Set([
  'g4dn',
  'g5',
  'g6',
  'g6e',
  'gr6',
  'p3dn',
  'p4d',
  'p4de',
  'p5',
  'p5e',
  'p5en',
  'trn1',
  'trn1n',
  'trn2',
  'inf1',
  'inf2',
]);

/** Whether an instance type (`ml.m5.large`) takes a KMS key for its volume. */
export function takesVolumeKey(instanceType: string): boolean {
  const family = instanceType.split('.')[1] ?? '';
  return !NVME_FAMILIES.has(family) && !/^[cmrx]\d+[a-z]*d[a-z]*$/.test(family);
}
