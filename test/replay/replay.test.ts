import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Worker } from '@temporalio/worker';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { workflowBundle } from '../../worker/bundle.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { quietRuntime, timeSkippingEnvironment } from '../support/time-skipping.js';
import { replay } from '../support/worker.js';
import type { Servers } from './run-scenario.js';
import { SCENARIOS } from './scenarios.js';

const folder = fileURLToPath(new URL('histories/', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
const file = (name: string) => join(folder, `${name}.json`);

/**
 * Recording: `RECORD_HISTORIES=new npm test -- test/replay` plays the scenarios that have no history yet and writes them.
 * A recorded history is a promise to runs that are under way: only `RECORD_HISTORIES=overwrite` replaces one.
 */
const recording = process.env.RECORD_HISTORIES;

async function record(servers: Servers, name: string): Promise<void> {
  const play = SCENARIOS[name];
  if (!play) throw new Error(`no scenario ${name}`);
  const handle = await play(servers);
  await mkdir(folder, { recursive: true });
  // Stack traces name files where this project happens to lie.
  const json = historyToJSON(await handle.fetchHistory()).replaceAll(root, '/');
  await writeFile(file(name), `${json}\n`);
}

describe('recorded histories', () => {
  beforeAll(async () => {
    quietRuntime();
    const wanted = Object.keys(SCENARIOS).filter(
      (name) => recording === 'overwrite' || (recording === 'new' && !existsSync(file(name))),
    );
    if (wanted.length === 0) return;
    const [skipping, live] = await Promise.all([timeSkippingEnvironment(), devServerEnvironment()]);
    try {
      for (const name of wanted) await record({ skipping, live }, name);
    } finally {
      await Promise.all([skipping.teardown(), live.teardown()]);
    }
  }, 300_000);

  it('has one for every path, and a path for every history', async () => {
    const recorded = (await readdir(folder)).map((name) => basename(name, '.json')).sort();
    expect(recorded, 'record what is new with RECORD_HISTORIES=new').toEqual(Object.keys(SCENARIOS).sort());
  });

  for (const name of Object.keys(SCENARIOS)) {
    it(`replays ${name}`, async () => {
      const history: unknown = JSON.parse(await readFile(file(name), 'utf8'));
      await replay(history);
    });
  }

  it('catches a change of order', async () => {
    const { codePath } = await workflowBundle(new DefaultLogger('ERROR'));
    const code = await readFile(codePath, 'utf8');
    const history: unknown = JSON.parse(await readFile(file('retrain-first-deployment'), 'utf8'));
    // The same workflows, but the files are confirmed before the training instead of after it.
    const swapped = code.replace('data.checkData(', 'data.confirmFiles(');
    expect(swapped).not.toBe(code);
    await expect(Worker.runReplayHistory({ workflowBundle: { code: swapped } }, history)).rejects.toMatchObject({
      name: 'DeterminismViolationError',
    });
  });
});
