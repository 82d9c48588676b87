// The Slack sink as a process: SLACK_SINK_PORT, SLACK_SINK_FILE.
import { z } from 'zod';
import { startSlackSink } from './server.js';

const env = z
  .object({ SLACK_SINK_PORT: z.coerce.number().int().min(0).max(65_535), SLACK_SINK_FILE: z.string().min(1) })
  .parse(process.env);
const sink = await startSlackSink({ port: env.SLACK_SINK_PORT, file: env.SLACK_SINK_FILE });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void sink.close());
