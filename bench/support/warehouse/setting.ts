import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { certificatesOf, type Certificates } from '../../../local/redshift/certificate.js';
import type { BenchContext } from '../../scenario.js';
import { withCampaign, type CampaignSetting } from '../campaign/setting.js';
import { CommandLines } from './secrets.js';
import type { Parts } from './world.js';

/** A stack with both warehouses, and what it is looked at with: past the proxies. */
export interface WarehouseSetting extends CampaignSetting {
  readonly worldParts: Parts;
  /** A session of an administrator of the PostgreSQL that holds both warehouses, whose own statements are not logged. */
  connectAdmin(): Promise<pg.Client>;
  /** Of relays. */
  readonly certificates: Certificates;
  /** The authority of the local Redshift's certificate, PEM. */
  readonly authority: string;
  readonly commandLines: CommandLines;
  /** What the worker and PostgreSQL have logged so far; PostgreSQL logs every statement. */
  logs(): Promise<{ readonly worker: string; readonly postgres: string }>;
}

/** Everything real, with a worker for each lane; jobs complete at once. */
export function withWarehouses<T>(context: BenchContext, use: (setting: WarehouseSetting) => Promise<T>): Promise<T> {
  return withCampaign(
    context,
    async (setting) => {
      const { stack } = setting;
      const url = new URL(stack.urls.postgres ?? '');
      url.pathname = '/warehouse';
      const connection = { connectionString: url.href, options: '-c log_statement=none' };
      const connectAdmin = async () => {
        const one = new pg.Client(connection);
        await one.connect();
        return one;
      };
      const admin = new pg.Pool(connection);
      const commandLines = new CommandLines();
      try {
        await admin.query(`ALTER SYSTEM SET log_statement TO 'all'`);
        await admin.query('SELECT pg_reload_conf()');
        const log = (name: string) => readFile(join(stack.logsDir, `${name}.log`), 'utf8').catch(() => '');
        return await use({
          ...setting,
          ...{ connectAdmin, commandLines },
          worldParts: { s3: setting.s3, ssm: setting.ssm, admin },
          certificates: certificatesOf(join(stack.stateDir, 'relay')),
          authority: await readFile(stack.env['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8'),
          logs: async () => ({ worker: await log('worker'), postgres: await log('postgres') }),
        });
      } finally {
        commandLines.stop();
        await admin.end();
      }
    },
    ['redshift'],
  );
}
