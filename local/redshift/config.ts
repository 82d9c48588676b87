import { z } from 'zod';

export interface RedshiftConfig {
  readonly host: '127.0.0.1';
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

const environment = z.object({
  REDSHIFT_LOCAL_PORT: port.default(0).describe('Port of the control plane on loopback; 0 picks one'),
  REDSHIFT_LOCAL_SQL_PORT: port.default(0).describe('Port of the PostgreSQL protocol on loopback; 0 picks one'),
  REDSHIFT_LOCAL_STATE_DIR: z.string().min(1).describe('Folder of the certificates'),
  REDSHIFT_LOCAL_SERVER_URL: z
    .string()
    .startsWith('postgres')
    .describe("An administrator's URL of the PostgreSQL behind"),
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
    host: '127.0.0.1',
    port: parsed.data.REDSHIFT_LOCAL_PORT,
    sqlPort: parsed.data.REDSHIFT_LOCAL_SQL_PORT,
    stateDir: parsed.data.REDSHIFT_LOCAL_STATE_DIR,
    serverUrl: parsed.data.REDSHIFT_LOCAL_SERVER_URL,
    database: parsed.data.REDSHIFT_LOCAL_DATABASE,
  };
}
