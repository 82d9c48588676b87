import type { Definition } from '../../contracts/definition/index.js';

/** What a definition may say, and whoever wrote it should know about all the same; sentences that start with the path of a key. */
export function warningsOf({ endpoint }: Definition): string[] {
  if (endpoint.strategy === 'all-at-once' || endpoint.alarms.length > 0) return [];
  return [
    `endpoint.alarms names none, so nothing takes a bad ${endpoint.strategy} release back by itself: SageMaker only watches that the new fleet answers /ping`,
  ];
}
