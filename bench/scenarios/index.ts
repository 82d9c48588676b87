import type { Scenario } from '../scenario.js';
import { approval } from './approval.js';
import { boto3 } from './boto3.js';
import { crash } from './crash.js';
import { crowd } from './crowd.js';
import { definitions } from './definitions.js';
import { faults } from './faults.js';
import { gate } from './gate.js';
import { history } from './history.js';
import { historyFull } from './history-full.js';
import { housing } from './housing.js';
import { overhead } from './overhead.js';
import { recover } from './recover.js';
import { release } from './release.js';
import { replay } from './replay.js';
import { score } from './score.js';
import { silentRollback } from './silent-rollback.js';
import { start } from './start.js';
import { statusCalls } from './status-calls.js';
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
  release,
  silentRollback,
  gate,
  score,
  historyFull,
  approval,
];
