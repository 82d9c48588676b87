import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { packagePath } from '../../local/paths.js';
import { round } from '../support/figures.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MOST_SECONDS = 60;

const Summary = z.object({
  runs: z.array(z.looseObject({ outcome: z.string(), metric: z.object({ value: z.number(), baseline: z.number() }) })),
  traffic: z.looseObject({ failed: z.number() }),
  slackMessages: z.number(),
});

export const start: Scenario = {
  name: 'start',
  what: '`npm start -- --once --json` in an empty state folder, packages installed: both runs Deployed, better than "same as today"',
  unit: 's',
  limit: MOST_SECONDS,
  bound: 'at most',
  measure,
};

async function measure({ say, signal }: BenchContext): Promise<Measured> {
  const stateDir = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [packagePath('bin', 'start.mjs'), '--once', '--json', '--state-dir', stateDir],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  // It stops its own services first.
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  try {
    const [output, code] = await Promise.all([
      text(child.stdout),
      new Promise<number | null>((resolve) => child.once('close', resolve)),
    ]);
    signal.throwIfAborted();
    const seconds = (performance.now() - started) / 1000;
    if (code !== 0) throw new Error(`npm start ended with code ${code}; its messages stand above.`);
    const summary = Summary.parse(JSON.parse(output.trimEnd().split('\n').at(-1) ?? ''));
    const { runs, traffic } = summary;
    const good = runs.every(({ outcome, metric }) => outcome === 'Deployed' && metric.value < metric.baseline);
    say(`${runs.length} runs in ${seconds.toFixed(1)} s`);
    return {
      figure: round(seconds, 1),
      ok: seconds < MOST_SECONDS && runs.length === 2 && good && traffic.failed === 0,
      detail: { seconds, ...summary },
    };
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}
