import { conflictsOf } from '../apply/conflicts.js';
import { executeModel, prune } from '../apply/execute.js';
import type { ModelPlan, Orphan } from '../apply/plan.js';
import { makePlan } from '../apply/plan.js';
import { executeStorage, planStorage } from '../apply/storage.js';
import { DONE, word, type ApplyOptions } from '../apply/words.js';
import { requireWorker, withClient } from '../connect.js';
import { checkDefinitions } from '../definition/check.js';
import { renderFaults } from '../definition/fault.js';
import { warningsOf } from '../definition/warnings.js';
import { renderChange } from '../diff.js';
import { CliError, EXIT, explain } from '../errors.js';
import { plural } from '../format.js';
import type { Output } from '../output.js';
import { renderStoragePlan, storageAnswer } from '../storage/view.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

/** How a failure to apply the storage file is listed among those of models, none of whose names has a space. */
const STORAGE = 'the storage file';

/** One line a model, and below it what differs. A new model has no keys to compare. */
function renderModel(output: Output, plan: ModelPlan, dryRun: boolean): string {
  const { model, entity, schedule, changes } = plan;
  const parts = [word(entity, dryRun)];
  if (schedule !== 'none' && !(schedule === 'unchanged' && entity === 'unchanged'))
    parts.push(`schedule ${word(schedule, dryRun)}`);
  for (const { name, schedule: action } of plan.transforms)
    if (action !== 'none' && action !== 'unchanged')
      parts.push(`schedule of transform ${name} ${word(action, dryRun)}`);
  const { schedule: kept } = plan.retention;
  if (kept !== 'none' && kept !== 'unchanged') parts.push(`schedule of retention ${word(kept, dryRun)}`);
  const lines = changes.map((change) => `    ${renderChange(change)}`);
  return [`${output.style('bold', model)}: ${parts.join(', ')}`, ...lines].join('\n');
}

function renderOrphan({ model, endpoint }: Orphan, { dryRun, prune: remove }: ApplyOptions): string {
  const billing = endpoint
    ? `; its endpoint ${endpoint}, if there is one, goes on serving and billing until \`perennial endpoint delete ${model}\``
    : '';
  if (!remove) return `${model}: not in the files, left as it is (--prune removes it)`;
  return `${model}: not in the files, ${dryRun ? 'would be removed' : 'removed'}${billing}`;
}

async function apply(
  context: Context,
  paths: string[],
  options: ApplyOptions & { json?: true | undefined },
): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const { models, storage, faults } = await checkDefinitions(paths);
  if (faults.length > 0) {
    terminal.err(`${renderFaults(faults)}\n\n`);
    throw new CliError(`${plural(faults.length, 'fault')} in the definitions: nothing was applied`, EXIT.failed, {
      details: { faults },
    });
  }
  const dryRun = options.dryRun === true;
  await withClient(terminal, async (client) => {
    const [plan, storagePlan] = await Promise.all([
      makePlan(client, terminal.env, models),
      planStorage(client, terminal.env, storage),
    ]);
    const conflicts = conflictsOf(plan, options.prune === true);
    if (conflicts.length > 0)
      throw new CliError(`${conflicts.join('\n')}\nnothing was applied`, EXIT.failed, { details: { conflicts } });
    const failed: string[] = [];
    const attempt = async (model: string, work: () => Promise<void>) => {
      if (dryRun) return;
      try {
        await work();
      } catch (error) {
        failed.push(model);
        output.note(`${model}: ${explain(error).message}`);
      }
    };
    if (!dryRun) await requireWorker(client, terminal.env);
    // Before the models: a run of theirs may read a mount that it declares.
    if (storagePlan && (storage || options.prune))
      await attempt(STORAGE, () => executeStorage(client, terminal.env, storagePlan));
    for (const model of plan.models) await attempt(model.model, () => executeModel(client, terminal.env, model));
    if (options.prune) for (const orphan of plan.orphans) await attempt(orphan.model, () => prune(client, orphan));
    const answer = {
      dryRun,
      ...(storagePlan && { storage: storageAnswer(storagePlan, options, failed.includes(STORAGE)) }),
      models: plan.models.map(({ model, file, definition, entity, schedule, transforms, retention, changes }) => ({
        model,
        file,
        entity: failed.includes(model) ? 'failed' : DONE[entity],
        schedule: failed.includes(model) ? 'failed' : DONE[schedule],
        transforms: transforms.map(({ name, schedule: action }) => ({
          name,
          schedule: failed.includes(model) ? 'failed' : DONE[action],
        })),
        retention: failed.includes(model) ? 'failed' : DONE[retention.schedule],
        changes,
        warnings: warningsOf(definition),
      })),
      notInFiles: plan.orphans.map(({ model, endpoint }) => ({
        model,
        endpoint,
        removed: options.prune === true && !dryRun && !failed.includes(model),
      })),
    };
    output.result(answer, () =>
      [
        ...(storagePlan && !failed.includes(STORAGE) ? [renderStoragePlan(output, storagePlan, options)] : []),
        ...plan.models.filter(({ model }) => !failed.includes(model)).map((one) => renderModel(output, one, dryRun)),
        ...plan.orphans.filter(({ model }) => !failed.includes(model)).map((one) => renderOrphan(one, options)),
      ].join('\n'),
    );
    for (const { model, warnings } of answer.models)
      for (const warning of warnings) output.note(`${model}: warning: ${warning}`);
    if (dryRun) output.note('dry run: nothing was changed');
    if (failed.length > 0) throw new CliError(`not applied: ${failed.join(', ')}. \`perennial apply\` again goes on`);
  });
}

export function applyCommand(context: Context): void {
  context.program
    .command('apply')
    .description(
      'make models, schedules and the declared storage match the files; all files are checked before anything changes',
    )
    .argument('<paths...>', 'YAML files, or folders of them')
    .option('--dry-run', 'show what differs, key by key, and change nothing')
    .option('--prune', 'remove models that the files do not define (their endpoints stay)')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('apply models/ --dry-run', 'apply models/', 'apply models/ --prune --json'))
    .action((paths, options) => apply(context, paths, options));
}
