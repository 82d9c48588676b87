/** The activities' factories, each over the clients it needs. */
export { createDataActivities } from './data/index.js';
export { createEndpointActivities } from './endpoint/index.js';
export { createEvaluationActivities } from './evaluation/index.js';
export { createInsightActivities } from './insight/index.js';
export { createLedgerActivities } from './ledger.js';
export { createNotifyActivities } from './notify/index.js';
export { createOrphanActivities } from './orphans/index.js';
export { createRecordActivities } from './record.js';
export { createResumeActivities } from './resume/index.js';
export { createTrainingActivities } from './training/index.js';
export { createTransformActivities } from './transforms/index.js';
export { createTriggerActivities } from './trigger.js';
export { createVersionActivities } from './versions/index.js';
