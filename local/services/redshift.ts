import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../files.js';
import { compiled } from '../paths.js';
import { certificatesOf } from '../redshift/certificate.js';
import { answers, plainEnv, responds, type ProcessSpec, type ServiceContext } from './service.js';

/**
 * The file that NODE_EXTRA_CA_CERTS leads to: the local Redshift's authority, and what the variable leads to already, which it would hide.
 */
export async function redshiftTrust(dir: string): Promise<string> {
  const { ca, caFile } = certificatesOf(dir);
  const own = process.env.NODE_EXTRA_CA_CERTS;
  const file = join(dir, 'trusted.pem');
  if (!own || own === file || own === caFile) return caFile;
  const others = await readFile(own, 'utf8').catch(() => undefined);
  if (others === undefined) return caFile;
  await writeAtomically(file, `${others.trimEnd()}\n${ca}`);
  return file;
}

/** The local Redshift: see local/redshift. `server` is an administrator's URL of PostgreSQL, `awsEnv` leads to S3. */
export function redshiftService(
  ctx: ServiceContext,
  ports: { control: number; sql: number },
  server: string,
  awsEnv: Readonly<Record<string, string>>,
): ProcessSpec {
  const health = `http://127.0.0.1:${ports.control}/_local/health`;
  return {
    name: 'redshift',
    command: process.execPath,
    args: [compiled('local/redshift/main')],
    env: {
      ...plainEnv(),
      ...awsEnv,
      REDSHIFT_LOCAL_PORT: String(ports.control),
      REDSHIFT_LOCAL_SQL_PORT: String(ports.sql),
      REDSHIFT_LOCAL_STATE_DIR: ctx.dir,
      REDSHIFT_LOCAL_SERVER_URL: server,
    },
    alive: () => responds(health),
    readyWithinMs: 40_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 10_000,
    ready: () => answers(health),
  };
}
