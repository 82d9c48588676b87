import { setFlagsFromString } from 'node:v8';

/** How much the heap may grow beyond what lived at its last full collection, in percent. V8's own choice is up to 300. */
const GROWTH_PERCENT = 5;

// Has V8 collect garbage before it asks the system for more memory: a purge of millions of entries makes garbage all the time, and of an hour's
// resident memory most would be that (docs/benchmarks.md, purge-memory, has memory and time). To be imported before all else:
// each full collection sets the limit for the next, and the one while modules load would still allow the whole growth.
setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
