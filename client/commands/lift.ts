import type { Command } from '@commander-js/extra-typings';
import { ask } from '../ask.js';
import { requireWorker, withClient } from '../connect.js';
import { plural } from '../format.js';
import { Interrupted, untilInterrupted } from '../interrupt.js';
import { decisionOf } from '../person.js';
import { checkRequest, writeList } from '../purge/start.js';
import { Faults } from '../purge/targets.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly from?: string | undefined;
  readonly request?: string | undefined;
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  readonly json?: true | undefined;
}

async function lift(context: Context, uris: readonly string[], options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const { request = '', reason = '', from } = options;
  const faults = new Faults();
  checkRequest(faults, { request, reason });
  const { by } = decisionOf({ by: options.by }, terminal.env);
  await withClient(terminal, async (client) => {
    await requireWorker(client, terminal.env);
    const lifted = await untilInterrupted(terminal, async (interrupt) => {
      const { list, storage } = await writeList(client, terminal, { uris, from }, faults, interrupt);
      try {
        const input = { request, reason: reason.trim(), by, targetsUri: list.uri, storage };
        return await ask(client, terminal, 'liftTombstones', request, input, interrupt);
      } catch (error) {
        // A worker that goes on needs the list, and erases it at its end.
        if (!(error instanceof Interrupted && error.goesOn)) await list.discard();
        throw error;
      } finally {
        list.close();
      }
    });
    output.result(lifted, () =>
      lifted.lifted === 0
        ? 'none of these keys was kept out; nothing changed'
        : `${plural(lifted.lifted, 'key')} may be in manifests again, from the next run on; recorded as row ${lifted.sequence} of the audit chain`,
    );
  });
}

/** `purge lift`. */
export function liftCommand(context: Context, group: Command): void {
  group
    .command('lift')
    .description('let purged keys into later manifests again, if something is uploaded under them on purpose')
    .argument('[uris...]', 'S3 URIs of objects; personal keys are better given by --from')
    .option('--from <file>', 'a file of S3 URIs, one a line, or of JSON lines for odd keys; - is standard input')
    .option('--request <id>', 'id of the request that this belongs to')
    .option('--reason <text>', 'why, for the auditor; nothing personal')
    .option('--by <name>', 'who asks, where it is not the user of this machine')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('purge lift --from keys.txt --request R-17 --reason "consent was given again"'))
    .action((uris, options) => lift(context, uris, options));
}
