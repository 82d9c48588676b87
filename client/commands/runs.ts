import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Client } from '@temporalio/client';
import { RUN_KINDS, parseRunId, runId } from '../../contracts/names.js';
import type { Outcome } from '../../contracts/runs.js';
import { withClient } from '../connect.js';
import { formatAge, formatSeconds, secondsBetween } from '../format.js';
import { findModel, knownModels, rememberedModels, unknownModel } from '../models.js';
import { ledgerRuns, rememberedRuns } from '../run/find.js';
import { awaitEnd, describeRun, pendingInWords } from '../run/describe.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

const OUTCOMES = ['Deployed', 'NoNewData', 'Rejected', 'Trained', 'Failed', 'Cancelled'] as const satisfies Outcome[];

/** One line of the list. */
interface Row {
  readonly run: string;
  readonly model: string;
  /** `queued`, `running`, or the outcome. */
  readonly state: string;
  readonly stage?: string;
  readonly reason?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly files?: number;
  readonly trainingJob?: string;
}

const modelFilter = (model: string | undefined) =>
  model === undefined
    ? ''
    : ` AND (${RUN_KINDS.map((kind) => `WorkflowId STARTS_WITH "${kind}/${model}/"`).join(' OR ')})`;

async function running(client: Client, model: string | undefined): Promise<Row[]> {
  const ids = await rememberedRuns(client, ` AND ExecutionStatus = "Running"${modelFilter(model)}`);
  const described = await Promise.all(ids.map((id) => describeRun(client, id)));
  return described.flatMap((live): Row[] => {
    // Visibility lags: a run that has ended meanwhile comes with the ended ones.
    if (live?.status !== 'RUNNING') return [];
    const { run, startedAt, progress, pending } = live;
    const wait = pending.map(pendingInWords).find(Boolean);
    const { files, trainingJob } = progress ?? {};
    return [
      { run, model: live.model, state: 'running', stage: progress?.stage, reason: wait, startedAt, files, trainingJob },
    ];
  });
}

async function queued(client: Client, env: NodeJS.ProcessEnv, model: string | undefined): Promise<Row[]> {
  const models = model === undefined ? await knownModels(client) : [model];
  const rows = await Promise.all(
    models.map(async (name): Promise<Row[]> => {
      const status = await findModel(client, env, name);
      return (status?.queue ?? []).map(({ runTime, wishes }) => ({
        run: runId(name, runTime),
        model: name,
        state: 'queued',
        reason: wishes > 1 ? `serves ${wishes} requests` : undefined,
      }));
    }),
  );
  return rows.flat();
}

/** Ended runs that Temporal remembers, for those the ledger has not indexed (yet). */
async function ended(
  client: Client,
  model: string | undefined,
  limit: number,
  indexed: ReadonlySet<string>,
): Promise<Row[]> {
  const ids = await rememberedRuns(client, ` AND ExecutionStatus != "Running"${modelFilter(model)}`);
  const rows = await Promise.all(
    ids
      .slice(0, limit)
      .filter((id) => !indexed.has(id))
      .map(async (run): Promise<Row | undefined> => {
        const live = await describeRun(client, run);
        if (!live?.endedAt) return undefined;
        const { outcome, reason } = await awaitEnd(client, run);
        const { files, trainingJob } = live.progress ?? {};
        const { startedAt, endedAt } = live;
        return { run, model: live.model, state: outcome, reason, startedAt, endedAt, files, trainingJob };
      }),
  );
  return rows.filter((row) => row !== undefined);
}

/** Whether a model lives, or lived and is remembered. Visibility, which lags behind, is asked last. */
const isKnown = async (client: Client, env: NodeJS.ProcessEnv, model: string): Promise<boolean> =>
  (await findModel(client, env, model)) !== undefined || (await rememberedModels(client)).includes(model);

const timeOf = ({ run }: Row) => parseRunId(run)?.time ?? '';

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 1000)
    throw new InvalidArgumentError('Give a number from 1 to 1000.');
  return number;
}

export function runsCommand(context: Context): void {
  context.program
    .command('runs')
    .description('list runs, newest first: queued and running ones, and those that ended')
    .option('--model <name>', 'of this model alone')
    .addOption(new Option('--outcome <outcome>', 'that ended so').choices(OUTCOMES))
    .option('--limit <count>', 'at most so many', count, 20)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('runs', 'runs --model weather --outcome Failed', 'runs --limit 100 --json'))
    .action(async ({ model, outcome, limit, ...options }) => {
      const { terminal } = context;
      const output = outputOf(context, options);
      await withClient(terminal, async (client) => {
        const warn = (text: string) => output.note(text);
        const wanted = { limit, ...(model ? { model } : {}), ...(outcome ? { outcome } : {}) };
        const ledger = (await ledgerRuns(client, terminal.env, wanted, warn)).map(
          ({ outcome: state, ...row }): Row => ({ ...row, state }),
        );
        const indexed = new Set(ledger.map(({ run }) => run));
        const [now, waiting, past] = await Promise.all([
          outcome ? [] : running(client, model),
          outcome ? [] : queued(client, terminal.env, model),
          ended(client, model, limit, indexed),
        ]);
        const rows = [...now, ...waiting, ...ledger, ...past]
          .filter(({ state }) => outcome === undefined || state === outcome)
          .sort((a, b) => timeOf(b).localeCompare(timeOf(a)))
          .slice(0, limit);
        // A misspelt name must not pass for a model that never ran.
        if (rows.length === 0 && model !== undefined && !(await isKnown(client, terminal.env, model)))
          throw await unknownModel(client, model);
        output.result(rows, () =>
          rows.length === 0
            ? 'no runs'
            : output.table(
                ['RUN', 'STATE', 'BEGAN', 'TOOK', 'FILES', 'REASON'],
                rows.map(({ run, state, stage, startedAt, endedAt, files, reason }) => [
                  run,
                  stage ? `${output.outcome(state)}, ${stage}` : output.outcome(state),
                  startedAt ? formatAge(startedAt) : '',
                  startedAt && endedAt ? formatSeconds(secondsBetween(startedAt, endedAt)) : '',
                  files === undefined ? '' : String(files),
                  reason ?? '',
                ]),
                ['FILES', 'TOOK', 'BEGAN'],
              ),
        );
      });
    });
}
