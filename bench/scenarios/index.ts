import type { Scenario } from '../scenario.js';
import { boto3 } from './boto3.js';
import { definitions } from './definitions.js';
import { overhead } from './overhead.js';
import { start } from './start.js';
import { zeroLoss } from './zero-loss.js';

/** Every scenario, by the name that `npm run bench -- <name>` takes. */
export const scenarios: readonly Scenario[] = [start, zeroLoss, overhead, boto3, definitions];
