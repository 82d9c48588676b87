import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../faults/answers.js';
import type { WarehouseLane } from './lane.js';
import type { WarehouseSetting } from './setting.js';
import type { World } from './world.js';

/** What a run is about to begin with. */
interface At {
  readonly setting: WarehouseSetting;
  readonly lane: WarehouseLane;
  readonly world: World;
}

/** Begun before a run; what it answers ends it. */
export type Arrange = (at: At) => Promise<() => Promise<void> | void>;

const CREDENTIALS = 'GetClusterCredentials';

/** Changes answers with credentials: so many of them, or all. */
export const credentials =
  (change: (answer: Answer) => Answer | Promise<Answer>, times = Infinity): Arrange =>
  ({ lane }) => {
    let left = times;
    lane.control.change = (action, answer) => (action === CREDENTIALS && left-- > 0 ? change(answer) : undefined);
    return Promise.resolve(() => {
      lane.control.change = () => undefined;
    });
  };

export const expired: Arrange = (at) =>
  credentials(async (answer) => {
    await fetch(`${at.setting.stack.urls.redshift}/_local/credentials/expire`, { method: 'POST' });
    return answer;
  }, 1)(at);

/** Another session holds the table, for so long. */
export const locked =
  (seconds: number): Arrange =>
  async ({ setting, world }) => {
    const other = await setting.connectAdmin();
    await other.query(`BEGIN; LOCK TABLE ${world.table} IN ACCESS EXCLUSIVE MODE`);
    const free = sleep(seconds * 1_000).then(() => other.end());
    return () => free;
  };

/** The server itself gives up on locks after a second. */
export const impatient: Arrange = async (at) => {
  await at.world.parts.admin.query(`ALTER ROLE ${at.world.user} SET lock_timeout TO '1s'`);
  return locked(4)(at);
};

/** An administrator ends the session of the query, once. */
export const terminated: Arrange = async ({ world: { parts, user } }) => {
  const sql = `SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity
    WHERE usename = $1 AND state = 'active' AND query ILIKE 'COPY (%pg_sleep%'`;
  let over = false;
  const done = (async () => {
    while (!over && (await parts.admin.query(sql, [user])).rowCount === 0) await sleep(200);
  })();
  return async () => {
    over = true;
    await done;
  };
};

/** The relay's ends of connections, for so long or to the end. */
export const relay =
  (mode: 'no TLS' | 'down', seconds?: number): Arrange =>
  ({ lane }) => {
    const { redshift } = lane.relays;
    redshift.mode = mode;
    const open = () => void (redshift.mode = 'open');
    const timer = seconds === undefined ? undefined : setTimeout(open, seconds * 1_000);
    return Promise.resolve(() => {
      clearTimeout(timer);
      open();
    });
  };

/** The URL of the plain PostgreSQL, stored otherwise. */
export const url =
  (options: (world: World) => Parameters<World['putUrl']>[1]): Arrange =>
  async ({ lane, world }) => {
    await world.putUrl(lane.relays.postgres.address, options(world));
    return () => undefined;
  };
