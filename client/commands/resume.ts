import type { Client } from '@temporalio/client';
import { parseRunId } from '../../contracts/names.js';
import type { ResumePlan } from '../../contracts/resume.js';
import type { ModelStatus, RunRequest } from '../../contracts/runs.js';
import { ask } from '../ask.js';
import { withClient } from '../connect.js';
import { renderFaults } from '../definition/fault.js';
import { applySettings } from '../definition/set.js';
import { CliError, EXIT } from '../errors.js';
import { requireModel } from '../models.js';
import { type LiveRun, describeRun } from '../run/describe.js';
import { findRun, queuedRuns } from '../run/find.js';
import { followReceipt, renderReceipt, requestRun } from '../run/receipt.js';
import { runInput } from '../run/request.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

/** What the first run was asked for: the new one goes on with the same wish. Unknown where Temporal has forgotten the run. */
interface Wish {
  readonly live?: LiveRun;
  readonly request?: RunRequest;
}

async function wishOf(client: Client, run: string, model: string): Promise<Wish> {
  const live = await describeRun(client, run);
  if (!live) {
    if ((await queuedRuns(client, model)).includes(run))
      throw new CliError(`${run} waits in the queue still: there is nothing to resume`);
    return {};
  }
  if (live.status === 'RUNNING')
    throw new CliError(
      `${run} is still running: wait for its end (\`perennial show ${run}\`), or \`perennial cancel ${run}\` first`,
    );
  return { live, request: (await runInput(client, run, live.temporalRunId))?.request };
}

/** The first run's own settings, on top of the definition as it is now. */
function definitionFor({ definition }: ModelStatus, { request }: Wish): Pick<RunRequest, 'definition' | 'set'> {
  const { set } = request ?? {};
  if (!set || set.length === 0) return {};
  const changed = applySettings(definition, [...set]);
  if ('faults' in changed)
    throw new CliError(
      `the run's own settings don't fit the definition any more:\n${renderFaults(changed.faults)}\nnothing was started`,
      EXIT.failed,
      { details: { faults: changed.faults } },
    );
  return { definition: changed.definition, set };
}

/** A run that trained and was asked not to deploy is resumed to deploy; one that came to less still isn't to. */
const stillNotToDeploy = ({ live, request }: Wish) => request?.noDeploy === true && live?.status !== 'COMPLETED';

function requestFor(
  run: string,
  wish: Wish,
  own: Pick<RunRequest, 'definition' | 'set'>,
  plan: ResumePlan,
): RunRequest {
  const { live, request } = wish;
  const asOf = plan.asOf ?? request?.asOf ?? request?.nominalDate ?? live?.startedAt.slice(0, 10);
  return {
    trigger: 'manual',
    resume: run,
    ...(asOf ? { asOf } : {}),
    ...(request?.force ? { force: true } : {}),
    ...(stillNotToDeploy(wish) || plan.noDeploy ? { noDeploy: true } : {}),
    ...own,
  };
}

async function resume(
  context: Context,
  word: string,
  { follow, ...options }: { follow?: true | undefined; json?: true | undefined },
): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  await withClient(terminal, async (client) => {
    const run = await findRun(client, terminal.env, word, (text) => output.note(text));
    const { model = '' } = parseRunId(run) ?? {};
    const { status } = await requireModel(client, terminal.env, model);
    const wish = await wishOf(client, run, model);
    const own = definitionFor(status, wish);
    const plan = await ask(client, terminal, 'resumable', model, {
      definition: own.definition ?? status.definition,
      resume: run,
      noDeploy: stillNotToDeploy(wish),
    });
    output.note(`from ${plan.from}: ${plan.reason}`);
    const receipt = await requestRun(client, model, requestFor(run, wish, own, plan));
    const answer = { ...receipt, resumes: run, from: plan.from, trainingJob: plan.trainingJob };
    if (follow) await followReceipt(client, context, output, answer);
    else output.result(answer, () => `${renderReceipt(receipt)}\n\`perennial show ${receipt.run}\` looks at it`);
  });
}

export function resumeCommand(context: Context): void {
  context.program
    .command('resume')
    .description('let a run that ended badly go on from the stage that failed, as a new run, without a second training')
    .argument('<run>', 'id of the run, a unique part of it, its training job, or a model for its newest run')
    .option('--follow', 'show the stages until the run ends; Ctrl-C stops the showing, not the run')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples('resume weather --follow', 'resume retrain/weather/2026-11-21T09:00:00.000Z', 'resume weather --json'),
    )
    .action((word, options) => resume(context, word, options));
}
