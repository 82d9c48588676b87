import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Definition } from '../../contracts/definition/index.js';
import { packagePath } from '../../local/paths.js';
import { installed, type Progress } from '../../local/tools/install.js';
import type { HousingSplit } from './data.js';

/** What the XGBoost package reaches alone. */
export interface HousingReference {
  /** On the test rows, as a share. */
  readonly mdape: number;
  /** Trees up to the best one. */
  readonly rounds: number;
  /** US dollars, one a test row. */
  readonly predictions: readonly number[];
}

/**
 * Trains with the XGBoost package alone (reference.py) on the same rows by the same hyperparameters: neither Perennial nor the image has a
 * part in it. Throws with Python's own words if it fails.
 */
export async function housingReference(
  split: HousingSplit,
  { hyperparameters }: Definition['training'],
  say?: Progress,
  signal?: AbortSignal,
): Promise<HousingReference> {
  const requirements = packagePath('examples', 'images', 'xgboost', 'requirements.lock');
  const set = await installed({ name: 'xgboost', requirements, doing: 'Preparing the xgboost image' }, say, signal);
  const folder = await mkdtemp(join(tmpdir(), 'perennial-housing-'));
  try {
    const files = [];
    for (const part of ['train', 'validation', 'test'] as const) {
      const file = join(folder, `${part}.csv`);
      await writeFile(file, split[part].map(({ csv }) => csv).join(''));
      files.push(file);
    }
    const program = packagePath('examples', 'housing', 'reference.py');
    const { stdout } = await promisify(execFile)(set.python, [program, ...files, JSON.stringify(hyperparameters)], {
      env: { ...process.env, ...set.env },
      maxBuffer: 64 * 1024 * 1024,
      signal,
    });
    return JSON.parse(stdout) as HousingReference;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
