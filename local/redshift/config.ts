import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { listenAddress, LOOPBACK } from '../addresses.js';

export interface RedshiftConfig {
  /** IP address to listen on, with both ports. */
  readonly host: string;
  /** Name or IP address by which clients reach it: what the control plane answers, and the certificate is for. */
  readonly address: string;
  /** Of the control plane; 0 picks one. */
  readonly port: number;
  /** Where the PostgreSQL protocol is spoken; 0 picks one. */
  readonly sqlPort: number;
  /** Holds the certificates. */
  readonly stateDir: string;
  /** An administrator's URL of the PostgreSQL behind. */
  readonly serverUrl: string;
  readonly database: string;
}

const port = z.coerce.number().int().min(0).max(65_535);

const FILE = /^file:/;
const isPostgres = (text: string) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);

/** The URL itself, or that of the file it names. It holds a password, so no fault repeats it. */
const serverUrl = z.string().transform((given, issue): string => {
  const fault = (message: string): never => {
    issue.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!FILE.test(given))
    return isPostgres(given)
      ? given
      : fault('is no URL of a PostgreSQL (postgres://…), nor of a file with one (file:/…)');
  let text: string;
  try {
    text = readFileSync(fileURLToPath(given), 'utf8').trimEnd();
  } catch (error) {
    return fault(`names a file that can't be read: ${given} (${(error as Error).message})`);
  }
  return isPostgres(text)
    ? text
    : fault(`names a file that does not hold the URL of a PostgreSQL (postgres://…): ${given}`);
});

const LABEL = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?';
const HOST_NAME = new RegExp(`^${LABEL}(\\.${LABEL})*$`, 'i');

const environment = z.object({
  REDSHIFT_LOCAL_HOST: listenAddress.default(LOOPBACK).describe('IP address to listen on, with both ports'),
  REDSHIFT_LOCAL_ADDRESS: z
    .string()
    // What is of digits alone at its end is meant for an address, and is none.
    .refine((text) => isIPv4(text) || (HOST_NAME.test(text) && !/(^|\.)\d+$/.test(text)), {
      error: 'is neither a host name nor an IPv4 address',
    })
    .default(LOOPBACK)
    .describe('Host name or IPv4 address that the control plane answers and the certificate is for'),
  REDSHIFT_LOCAL_PORT: port.default(0).describe('Port of the control plane; 0 picks one'),
  REDSHIFT_LOCAL_SQL_PORT: port.default(0).describe('Port of the PostgreSQL protocol; 0 picks one'),
  REDSHIFT_LOCAL_STATE_DIR: z.string().min(1).describe('Folder of the certificates'),
  REDSHIFT_LOCAL_SERVER_URL: serverUrl.describe(
    "An administrator's URL of the PostgreSQL behind, or file:/path of a file that holds it",
  ),
  REDSHIFT_LOCAL_DATABASE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/)
    .default('warehouse')
    .describe('Database of the warehouse, made on the first start'),
});

/** Reads the process's configuration. Throws one error that names every fault. */
export function configFromEnv(env: NodeJS.ProcessEnv): RedshiftConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) throw new Error(`the local Redshift's environment is wrong:\n${z.prettifyError(parsed.error)}`);
  return {
    host: parsed.data.REDSHIFT_LOCAL_HOST,
    address: parsed.data.REDSHIFT_LOCAL_ADDRESS,
    port: parsed.data.REDSHIFT_LOCAL_PORT,
    sqlPort: parsed.data.REDSHIFT_LOCAL_SQL_PORT,
    stateDir: parsed.data.REDSHIFT_LOCAL_STATE_DIR,
    serverUrl: parsed.data.REDSHIFT_LOCAL_SERVER_URL,
    database: parsed.data.REDSHIFT_LOCAL_DATABASE,
  };
}
