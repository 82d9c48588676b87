import { RECONCILE_SCHEDULE_ID } from '../../contracts/storage/state.js';
import { describeSchedule } from '../apply/schedule.js';
import { withClient } from '../connect.js';
import { findStorage } from '../storage/find.js';
import { nextReconcile, renderStorage } from '../storage/view.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

/** `storage show`: what the storage file declared, by the last `apply` that had one. */
export function storageCommand(context: Context): void {
  const storage = context.program.command('storage').description('declared storage: mirrors, copies, records, audit');

  storage
    .command('show')
    .description('what is declared now; `perennial apply` brings a storage file in')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('storage show', 'storage show --json'))
    .action(async (options) => {
      const output = outputOf(context, options);
      await withClient(context.terminal, async (client) => {
        const [declared, schedule] = await Promise.all([
          findStorage(client),
          describeSchedule(client, RECONCILE_SCHEDULE_ID),
        ]);
        const reconcile = schedule && nextReconcile(schedule);
        output.result({ storage: declared ?? null, ...(reconcile && { reconcile }) }, () =>
          declared
            ? renderStorage(output, declared, reconcile)
            : 'no storage is declared: `perennial apply` a file with the key storage (docs/storage.md)',
        );
      });
    });
}
