export { changePlan, deploy, rollback, versions } from './change/index.js';
export { endpointDeletion } from './endpoint-deletion.js';
export { collectReport, compareRuns, readLogs } from './insight.js';
export { model } from './model/index.js';
export { invoke, ledgerQuery, orphans, preview, resumable } from './questions.js';
export { retrain } from './retrain/index.js';
export { transform } from './transform.js';
export { trigger } from './trigger.js';
