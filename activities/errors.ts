/** Failures of activities: how they are made, and the one place that turns another service's error into one of them. */
export { fail, isFailure } from './errors/fail.js';
export { toFailure, withFailures } from './errors/classify.js';
export { missingAsUndefined } from './errors/missing.js';
export type { About } from './errors/verdict.js';
