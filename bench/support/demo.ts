import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { packagePath } from '../../local/paths.js';
import type { BenchContext } from '../scenario.js';

/** What `npm start -- --json` prints of its two runs. */
const Summary = z.object({
  runs: z.array(z.looseObject({ outcome: z.string(), metric: z.object({ value: z.number(), baseline: z.number() }) })),
  traffic: z.looseObject({ failed: z.number() }),
  slackMessages: z.number(),
});

/** `npm start -- --once --json` as a program of its own in an empty state folder, which is removed. Throws if it ends badly. */
export async function playDemo(
  { signal }: BenchContext,
  ...flags: readonly string[]
): Promise<{ readonly seconds: number; readonly summary: z.infer<typeof Summary> }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const started = performance.now();
  const args = [packagePath('bin', 'start.mjs'), '--once', '--json', '--state-dir', stateDir, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
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
    return { seconds, summary: Summary.parse(JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')) };
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}
