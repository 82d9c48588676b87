import type { Scenario } from '../scenario.js';
import { boto3 } from './boto3.js';
import { crash } from './crash.js';
import { crowd } from './crowd.js';
import { definitions } from './definitions.js';
import { faults } from './faults.js';
import { history } from './history.js';
import { overhead } from './overhead.js';
import { recover } from './recover.js';
import { replay } from './replay.js';
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
];
