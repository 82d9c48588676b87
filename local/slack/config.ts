import { z } from 'zod';
import { listenAddress, LOOPBACK } from '../addresses.js';

export interface SlackSinkConfig {
  /** IP address to listen on; loopback without. */
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Where messages are kept. */
  readonly file: string;
}

const environment = z.object({
  SLACK_SINK_HOST: listenAddress.default(LOOPBACK).describe('IP address to listen on'),
  SLACK_SINK_PORT: z.coerce.number().int().min(0).max(65_535).describe('Port there; 0 picks one'),
  SLACK_SINK_FILE: z.string().min(1).describe('File that keeps the messages'),
});

/** Reads the process's configuration. Throws one error that names every fault. */
export function configFromEnv(env: NodeJS.ProcessEnv): SlackSinkConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) throw new Error(`the Slack sink's environment is wrong:\n${z.prettifyError(parsed.error)}`);
  const { SLACK_SINK_HOST: host, SLACK_SINK_PORT: port, SLACK_SINK_FILE: file } = parsed.data;
  return { host, port, file };
}
