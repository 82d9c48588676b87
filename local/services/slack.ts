import { join } from 'node:path';
import { compiled } from '../paths.js';
import { answers, plainEnv, responds, type ProcessSpec, type ServiceContext } from './service.js';

/** The Slack sink: see local/slack. */
export function slackService(ctx: ServiceContext, port: number): ProcessSpec {
  return {
    name: 'slack',
    command: process.execPath,
    args: [compiled('local/slack/main')],
    env: { ...plainEnv(), SLACK_SINK_PORT: String(port), SLACK_SINK_FILE: join(ctx.dir, 'messages.jsonl') },
    alive: () => responds(`http://127.0.0.1:${port}/_local/health`),
    readyWithinMs: 15_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 5_000,
    ready: () => answers(`http://127.0.0.1:${port}/_local/health`),
  };
}
