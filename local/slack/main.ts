// The Slack sink as a process: see config.ts for its environment.
import { configFromEnv } from './config.js';
import { startSlackSink } from './server.js';

const sink = await startSlackSink(configFromEnv(process.env));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void sink.close());
