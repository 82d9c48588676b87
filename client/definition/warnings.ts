import type { Definition } from '../../contracts/definition/index.js';

/** What a definition may say, and whoever wrote it should know about all the same; sentences that start with the path of a key. */
export function warningsOf({ endpoint, data }: Definition): string[] {
  const unwatched = endpoint.strategy !== 'all-at-once' && endpoint.alarms.length === 0;
  const unknown = (data.fileSystems ?? []).filter(({ mirrorOf }) => mirrorOf === undefined);
  return [
    ...(unwatched
      ? [
          `endpoint.alarms names none, so nothing takes a bad ${endpoint.strategy} release back by itself: SageMaker only watches that the new fleet answers /ping`,
        ]
      : []),
    ...unknown.map(
      ({ channel }) =>
        `data.fileSystems says of channel ${channel} no mirrorOf, so nobody can tell which models saw an object by way of it: lineage finds files by their S3 key`,
    ),
  ];
}
