import type { Scenario } from '../scenario.js';
import { approval } from './approval.js';
import { audit } from './audit.js';
import { boto3 } from './boto3.js';
import { compose } from './compose.js';
import { crash } from './crash.js';
import { crowd } from './crowd.js';
import { definitions } from './definitions.js';
import { exportScenario } from './export.js';
import { faults } from './faults.js';
import { gate } from './gate.js';
import { history } from './history.js';
import { historyFull } from './history-full.js';
import { engineHosts } from './engine-hosts.js';
import { engine } from './engine.js';
import { housing } from './housing.js';
import { image } from './image.js';
import { lineage } from './lineage.js';
import { mirrorStorm } from './mirror-storm.js';
import { overhead } from './overhead.js';
import { purgeHistory } from './purge-history.js';
import { purgeHostile } from './purge-hostile.js';
import { purgeRace } from './purge-race.js';
import { purgeSymlinks } from './purge-symlinks.js';
import { purgeCalls } from './purge-calls.js';
import { purgeFaults } from './purge-faults.js';
import { purgeMemory } from './purge-memory.js';
import { purgeOne } from './purge-one.js';
import { purgeRate } from './purge-rate.js';
import { queryCancel } from './query-cancel.js';
import { recover } from './recover.js';
import { release } from './release.js';
import { replay } from './replay.js';
import { score } from './score.js';
import { silentRollback } from './silent-rollback.js';
import { start } from './start.js';
import { statusCalls } from './status-calls.js';
import { warehouse } from './warehouse.js';
import { warehouseFaults } from './warehouse-faults.js';
import { zeroLoss } from './zero-loss.js';

/** Every scenario, by the name that `npm run bench -- <name>` takes. */
export const scenarios: readonly Scenario[] = [
  start,
  zeroLoss,
  overhead,
  boto3,
  definitions,
  history,
  statusCalls,
  crowd,
  recover,
  replay,
  crash,
  faults,
  housing,
  engine,
  engineHosts,
  image,
  compose,
  warehouse,
  exportScenario,
  warehouseFaults,
  queryCancel,
  release,
  silentRollback,
  gate,
  score,
  historyFull,
  approval,
  lineage,
  audit,
  purgeHistory,
  purgeHostile,
  purgeRace,
  purgeSymlinks,
  mirrorStorm,
  purgeCalls,
  purgeFaults,
  purgeMemory,
  purgeOne,
  purgeRate,
];
