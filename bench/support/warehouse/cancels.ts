import { setTimeout as sleep } from 'node:timers/promises';
import { perennial } from '../../../examples/demo/perennial.js';
import { round } from '../figures.js';
import { until } from '../waiting.js';
import { WarehouseLane } from './lane.js';
import type { WarehouseSetting } from './setting.js';
import { World, type Kind } from './world.js';

const BEGINS_WITHIN_MS = 60_000;
const GONE_WITHIN_MS = 60_000;
/** Cancels come at any moment between two heartbeats. */
const SPREAD_MS = 2_000;

/** One run that was cancelled in its query. */
export interface Cancelled {
  readonly kind: Kind;
  /** What the query does meanwhile, and whether the run's credentials had expired. */
  readonly query: 'sleeps' | 'computes';
  readonly expired: boolean;
  /** From the command to the statement's end on the server. */
  readonly seconds: number;
  readonly problems: readonly string[];
}

/** Cancels runs in the midst of their queries, on both warehouses, so many times each; every second query computes, and of the last credentials have expired. */
export async function playCancels(setting: WarehouseSetting, repeats: number): Promise<Cancelled[]> {
  const lane = await WarehouseLane.open(setting, 'cancel');
  try {
    const cancelled: Cancelled[] = [];
    for (const kind of ['redshift', 'postgres'] as const)
      for (let turn = 0; turn < repeats; turn += 1) {
        const query = turn % 2 === 0 ? 'sleeps' : 'computes';
        const expired = kind === 'redshift' && turn === repeats - 1;
        const name = `cancel-${kind}-${turn}`;
        const wait = (SPREAD_MS * turn) / repeats;
        const one = {
          kind,
          query,
          expired,
          ...(await cancelOne(setting, lane, { kind, name, query, expired, wait })),
        } as const;
        setting.say(`${name}: ${one.seconds} s ${one.problems.join('; ')}`);
        cancelled.push(one);
      }
    return cancelled;
  } finally {
    await lane.close();
  }
}

interface Case extends Pick<Cancelled, 'kind' | 'query' | 'expired'> {
  readonly name: string;
  readonly wait: number;
}

async function cancelOne(setting: WarehouseSetting, lane: WarehouseLane, { kind, name, query, expired, wait }: Case) {
  const { stack, worldParts } = setting;
  const world = await World.make(worldParts, kind, name);
  await world.putUrl(lane.relays.postgres.address);
  const slow = { query: { file: 'query.sql', sql: query === 'sleeps' ? world.query(600) : world.endless() } };
  const { run, time } = await lane.begin(world.definition(lane.access(world), slow));
  let pid: number | undefined;
  await until(
    setting,
    'the query runs',
    async () => (pid = await running(setting, world)) !== undefined,
    BEGINS_WITHIN_MS,
  );
  if (expired) await fetch(`${stack.urls.redshift}/_local/credentials/expire`, { method: 'POST' });
  await sleep(wait);
  const began = performance.now();
  const command = perennial(['cancel', run, '--no-wait'], { env: stack.env });
  await until(
    setting,
    'the statement is gone',
    async () => (await running(setting, world, pid)) === undefined,
    GONE_WITHIN_MS,
  );
  const seconds = round((performance.now() - began) / 1_000, 2);
  const { code, said } = await command;
  const { failure } = await lane.endOf(run);
  const ended = failure?.type ?? 'well';
  const problems = [
    ...(code === 0 ? [] : [`perennial cancel: ${said.trim()}`]),
    ...(ended === 'CancelledFailure' ? [] : [`ended as ${ended}`]),
    ...((await running(setting, world)) === undefined ? [] : ['a query of the run is on the server again']),
    ...(await world.differences('before', time)),
  ];
  return { seconds, problems };
}

/** The server's process that runs the export of a world, found by the tag of its run, in a session of another user. */
async function running({ worldParts }: WarehouseSetting, { name }: World, pid?: number): Promise<number | undefined> {
  const { rows } = await worldParts.admin.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query ILIKE 'COPY (%' AND ($2::int IS NULL OR pid = $2)
       AND (application_name LIKE $1 OR pid IN (SELECT session_id FROM redshift_local.queries WHERE query_label LIKE $1))`,
    [`perennial/${name}/%`, pid ?? null],
  );
  return rows[0]?.pid;
}
