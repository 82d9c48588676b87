import { Engine, ENGINE_NAMES, type EngineName } from './engine.js';

/** An engine that hangs is none. */
const ANSWERS_WITHIN_MS = 15_000;

/**
 * The engine that is asked for, or, for `auto`, the first of docker and podman that answers: a docker command without
 * its daemon is on many machines. Throws Error with what each of them said.
 */
export async function findEngine(wanted: EngineName | 'auto', env: NodeJS.ProcessEnv = process.env): Promise<Engine> {
  const said: string[] = [];
  for (const name of wanted === 'auto' ? ENGINE_NAMES : [wanted]) {
    const engine = new Engine(name, env);
    try {
      await engine.run(['ps', '--quiet', '--last', '1'], { timeoutMs: ANSWERS_WITHIN_MS });
      return engine;
    } catch (error) {
      said.push(error instanceof Error ? error.message : String(error));
    }
  }
  const how =
    wanted === 'auto' ? 'Start docker or podman' : `Start ${wanted}, or let one be found with \`--engine auto\``;
  throw new Error(
    `No container engine can be used.\n  ${said.join('\n  ')}\n${how}; without one local mode runs programs as processes.`,
  );
}
