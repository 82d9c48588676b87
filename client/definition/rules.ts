import { CronExpressionParser } from 'cron-parser';
import { takesVolumeKey } from '../../contracts/instances.js';
import type { FaultAt } from './fault.js';
import { showValue, valueAt } from './values.js';

/** Cron expressions of five fields whose fields no clock ever shows. */
function cron(data: unknown): FaultAt[] {
  const transforms = valueAt(data, ['transforms']);
  const places = Array.isArray(transforms) ? transforms.map((_one, index) => ['transforms', index]) : [];
  return [['triggers'], ['data', 'retention'], ...places].flatMap((at) => cronAt(data, [...at, 'schedule', 'cron']));
}

/** A cron expression of five fields at this path whose fields no clock ever shows. */
export function cronAt(data: unknown, path: PropertyKey[]): FaultAt[] {
  const expression = valueAt(data, path);
  if (typeof expression !== 'string' || !/^\S+( \S+){4}$/.test(expression)) return [];
  try {
    CronExpressionParser.parse(expression);
    return [];
  } catch (error) {
    const message = `is not a cron expression (minute hour day month weekday): ${(error as Error).message}`;
    return [{ path, message, found: expression, fix: 'for example 0 9 * * *' }];
  }
}

/** Instance types that would refuse the volume's key, unless the definition allows going on without. */
function volumeKey(data: unknown): FaultAt[] {
  const encryption = valueAt(data, ['encryption']) as Record<string, unknown> | undefined;
  const key = encryption?.['volume'] ?? encryption?.['key'];
  if (typeof key !== 'string' || encryption?.['allowInstanceWithoutVolumeKey'] === true) return [];
  const indexes = (path: PropertyKey[]) => {
    const list = valueAt(data, path);
    return Array.isArray(list) ? [...list.keys()].map((index) => [...path, index]) : [];
  };
  const places = [
    ...indexes(['training', 'instances']),
    ...indexes(['transforms']).map((path) => [...path, 'instanceType']),
  ];
  return places.flatMap((path): FaultAt[] => {
    const type = valueAt(data, path);
    if (typeof type !== 'string' || takesVolumeKey(type)) return [];
    return [
      {
        path,
        message: 'takes no KMS key for its volume: its local NVMe storage is encrypted by its hardware',
        found: showValue(type, path),
        fix: 'name another type, or allow it with  encryption: { allowInstanceWithoutVolumeKey: true }',
      },
    ];
  });
}

/** The default smoke test sends a training row without its label, which it can take from CSV only. */
function smokeTest(data: unknown): FaultAt[] {
  const path = ['data', 'contentType'];
  const contentType = valueAt(data, path);
  if (typeof contentType !== 'string' || contentType.startsWith('text/csv')) return [];
  const wanted = valueAt(data, ['endpoint', 'smokeTest']);
  if (wanted !== undefined && wanted !== true) return [];
  return [
    {
      path,
      message: 'needs a smoke test of its own: only a row of text/csv can be taken from the data',
      found: showValue(contentType, path),
      fix: 'add  endpoint: { smokeTest: { contentType: …, body: … } }, or smokeTest: false',
    },
  ];
}

/** SageMaker mounts a file system from inside a VPC only. */
function fileSystems(data: unknown): FaultAt[] {
  const path = ['data', 'fileSystems'];
  const channels = valueAt(data, path);
  if (!Array.isArray(channels) || channels.length === 0 || valueAt(data, ['network']) !== undefined) return [];
  return [
    {
      path,
      atKey: true,
      message: 'needs network: SageMaker mounts a file system from inside a VPC only',
      fix: 'add  network: { subnets: [subnet-…], securityGroups: [sg-…] }  with a security group that the file system lets in (NFS, port 2049; Lustre 988)',
    },
  ];
}

/** Faults that need more than the schema to see. */
export const ruleFaults = (data: unknown): FaultAt[] => [
  ...cron(data),
  ...volumeKey(data),
  ...smokeTest(data),
  ...fileSystems(data),
];
