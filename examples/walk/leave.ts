import { npxPerennial, type CliOptions } from './cli.js';

/** How long tidying up may take. */
const WITHIN_MS = 90_000;

/** Cancels a model's run and deletes its endpoint after an interruption; what doesn't succeed it says how to do. */
export async function leaveNothing(model: string, { env, say, signal }: Required<CliOptions>): Promise<void> {
  say('Interrupted: cancelling the run and deleting the endpoint. Ctrl-C again leaves them');
  const limit = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
  const failed: string[] = [];
  for (const args of [
    ['cancel', model],
    ['endpoint', 'delete', model, '--yes'],
  ])
    await npxPerennial(args, { env, say, signal: limit }).catch((error: Error) => {
      // Nothing to cancel, or nothing to delete: it is as it should be.
      if (!/has ended already|no run "|no model "/.test(error.message)) failed.push(args.join(' '));
    });
  for (const args of failed) say(`Left to do, with local mode running: npx perennial ${args}`);
}
