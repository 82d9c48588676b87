import type { VersionActivities } from '../../contracts/versions.js';
import { lookAtVersions, type VersionDeps } from './look.js';
import { planChange } from './plan.js';
import { startChange } from './start.js';

/** Activities about what an endpoint can go back to, and about changes of it by hand. */
export function createVersionActivities(deps: VersionDeps): VersionActivities {
  return {
    async listVersions({ definition }) {
      const { live, candidates } = await lookAtVersions(deps, definition);
      return {
        endpoint: definition.endpoint.name,
        ...(live && { status: live.EndpointStatus, liveConfig: live.EndpointConfigName }),
        versions: candidates.map(({ version }) => version),
      };
    },
    planChange: (input) => planChange(deps, input),
    startChange: (input) => startChange(deps.sagemaker, input),
  };
}
