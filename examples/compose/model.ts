import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { buildImage } from '../../engine/build.js';
import { findEngine } from '../../engine/find.js';
import { pushImage } from '../../engine/push.js';
import { packagePath } from '../../local/paths.js';
import type { Env } from '../demo/account.js';
import { perennial, perennialOk } from '../demo/perennial.js';
import { exampleDefinition, MODEL_FILE, STORAGE_FILE } from '../seattle-weather/definition.js';
import { environment, required } from './environment.js';

const IMAGE = packagePath('examples', 'images', 'linear-learner');

/**
 * Builds the example's image, pushes it to the registry and declares the model that trains with what the registry calls it. A model and a
 * storage that somebody declared stay.
 */
export async function declareModel(): Promise<void> {
  const env = environment();
  const say = (line: string) => console.log(line);
  const engine = await findEngine('docker');
  const buildArgs = JSON.parse(env['SAGEMAKER_LOCAL_BUILD_ARGS'] ?? '{}') as Record<string, string>;
  const { reference } = await buildImage(engine, IMAGE, { buildArgs, onLine: say });
  const { pinned } = await pushImage(engine, reference, required('REGISTRY'));
  say(`pushed ${pinned}`);

  const { name } = await exampleDefinition();
  if (await isKnown(name, env)) return say(`the model ${name} is declared already, and stays as it is`);
  const definition = parse(await readFile(packagePath(MODEL_FILE), 'utf8')) as { training: Record<string, unknown> };
  const { algorithm: _, ...training } = definition.training;
  const folder = await mkdtemp(join(tmpdir(), 'perennial-model-'));
  try {
    const file = join(folder, 'model.yaml');
    await writeFile(file, stringify({ ...definition, training: { image: pinned, ...training } }));
    const { storage } = (await perennialOk(['storage', 'show'], { env })) as { storage: object | null };
    await perennialOk(['apply', file, ...(storage ? [] : [packagePath(STORAGE_FILE)])], { env, onSay: say });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  say(`the model ${name} is declared: perennial run ${name} --follow`);
}

/** Codes of the command line: a model that nobody has applied; Temporal or its worker that can't be reached. */
const [NO_SUCH_MODEL, UNREACHABLE] = [2, 3];
/** A server that has just started does not answer for a while, nor know its workers. */
const PATIENCE_MS = 120_000;

async function isKnown(model: string, env: Env): Promise<boolean> {
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(2_000)) {
    const { code, said } = await perennial(['models', model], { env });
    if (code === 0) return true;
    if (code === NO_SUCH_MODEL) return false;
    if (code !== UNREACHABLE || Date.now() > until)
      throw new Error(`whether ${model} is declared can't be told: ${said.trim()}`);
  }
}
