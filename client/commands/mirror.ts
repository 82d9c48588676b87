import type { MirrorDifference, ReconcileResult } from '../../contracts/storage/state.js';
import { ask } from '../ask.js';
import { withClient } from '../connect.js';
import { EXIT } from '../errors.js';
import { formatBytes, plural } from '../format.js';
import type { Output } from '../output.js';
import { findStorage } from '../storage/find.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

const NO_MIRRORS = 'no mirror is declared: `perennial apply` a storage file that has some (docs/mirror.md)';

function render(output: Output, { mirrors }: ReconcileResult, done: boolean): string {
  const table = output.table(
    ['BUCKET', 'MOUNT', 'LOOKED AT', done ? 'COPIED' : 'TO COPY', done ? 'REMOVED' : 'TO REMOVE', 'BYTES'],
    mirrors.map(({ bucket, prefix, path, examined, copied, removed, bytes }) => [
      `s3://${bucket}/${prefix}`,
      path,
      String(examined),
      String(copied),
      String(removed),
      formatBytes(bytes),
    ]),
  );
  const told = (countsOf: (mirror: MirrorDifference) => Readonly<Record<string, number>>) =>
    mirrors.flatMap((mirror) =>
      Object.entries(countsOf(mirror)).map(([reason, count]) => `${mirror.path}: ${count} × ${reason}`),
    );
  const conflicts = told((mirror) => mirror.conflicts);
  const leftOut = told((mirror) => mirror.leftOut ?? {});
  const different = mirrors.reduce((sum, { copied, removed }) => sum + copied + removed, 0);
  return [
    table,
    conflicts.length > 0 && `can't be made equal (docs/mirror.md says what to do):\n${conflicts.join('\n')}`,
    leftOut.length > 0 && `left out on purpose, until \`perennial purge lift\`:\n${leftOut.join('\n')}`,
    different > 0 && !done && `${plural(different, 'difference')}: \`perennial mirror repair\` makes the mounts equal`,
    different === 0 && 'buckets and mounts are equal',
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** What a check found, for programs: nothing was copied or removed. */
const differences = ({ mirrors }: ReconcileResult) => ({
  dryRun: true,
  mirrors: mirrors.map(({ copied: toCopy, removed: toRemove, ...one }) => ({ ...one, toCopy, toRemove })),
});

/** `mirror check` and `mirror repair`. */
export function mirrorCommand(context: Context): void {
  const mirror = context.program
    .command('mirror')
    .description('the mounted file systems that are kept equal to buckets');

  const add = (name: 'check' | 'repair', description: string) =>
    mirror
      .command(name)
      .description(description)
      .option(JSON_FLAG, JSON_HELP)
      .addHelpText('after', examples(`mirror ${name}`, `mirror ${name} --json`))
      .action(async (options) => {
        const { terminal } = context;
        const output = outputOf(context, options);
        await withClient(terminal, async (client) => {
          const storage = await findStorage(client);
          if (!storage || storage.mirrors.length === 0) return output.result({ mirrors: [] }, () => NO_MIRRORS);
          output.note(`comparing ${storage.mirrors.map(({ path }) => path).join(', ')} with the buckets`);
          const dryRun = name === 'check';
          const result = await ask(client, terminal, 'reconcile', name, { storage, dryRun });
          output.result(dryRun ? differences(result) : result, () => render(output, result, !dryRun));
          if (dryRun && result.mirrors.some(({ copied, removed }) => copied + removed > 0))
            context.exitCode = EXIT.failed;
        });
      });

  add('check', 'compares every declared mirror with its bucket; exit code 1 if they differ. Changes nothing');
  add('repair', 'makes the mounts equal to their buckets');
}
