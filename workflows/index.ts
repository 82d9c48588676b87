export { endpointDeletion } from './endpoint-deletion.js';
export { model } from './model/index.js';
export { invoke, ledgerQuery, orphans, preview, resumable } from './questions.js';
export { retrain } from './retrain/index.js';
export { trigger } from './trigger.js';
