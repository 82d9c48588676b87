import 'vitest';

/** What global-setup.ts starts once for all test files; read with `inject('aws')` and so on. */
declare module 'vitest' {
  export interface ProvidedContext {
    /** MiniStack: S3, KMS, SSM, SQS, EventBridge. Shared: use names of your own. */
    aws: { endpoint: string };
    /** A dev server, with the search attributes registered. Shared: use task queues and ids of your own. */
    temporal: { address: string; namespace: string };
    /** Path of the time-skipping test server, for `existing-path`. */
    timeSkipping: { path: string };
    /** An administrator's URL of a PostgreSQL server; `freshDatabase` makes a database of your own. */
    postgres: { url: string };
  }
}
