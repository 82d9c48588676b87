import type { Client } from '@temporalio/client';
import { parseRunId } from '../../contracts/names.js';
import type { MetricName, MetricValues } from '../../contracts/metrics.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { resumeAdvice } from '../../contracts/resume.js';
import { STAGES } from '../../contracts/runs.js';
import type { RunProgress, RunRequest, Stage } from '../../contracts/runs.js';
import { uiUrl } from '../connect.js';
import { formatAge, formatNumber, formatSeconds, formatTime, plural, secondsBetween } from '../format.js';
import type { Output } from '../output.js';
import { pendingInWords, type LiveRun, type Pending, type RunEnd } from './describe.js';
import { hyperparametersInWords, imageDigestInWords } from './made.js';
import { labelInWords, preparedInWords } from './prepared.js';

/** Everything known of a run, from Temporal and from its outcome object. */
export interface RunView extends Partial<Omit<OutcomeObject, 'version' | 'outcome'>> {
  readonly run: string;
  readonly model: string;
  /** `queued`, `running`, or how it ended. */
  readonly state: string;
  readonly stage?: Stage;
  /** When each stage began, ISO 8601. */
  readonly since?: RunProgress['since'];
  readonly notes?: readonly string[];
  readonly position?: number;
  /** The event that asked for it. */
  readonly event?: string;
  /** Until when a person may decide about the candidate. */
  readonly decideBy?: string;
  readonly force?: boolean;
  readonly noDeploy?: boolean;
  readonly set?: readonly string[];
  /** What a person can do about a run that is over. */
  readonly next?: string;
  readonly pending?: readonly Pending[];
  readonly historyEvents?: number;
  readonly url?: string;
}

/** Leaves out what is not known, so that one source does not cover another's answer with nothing. */
const known = <T extends object>(value: T): Partial<T> =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<T>;

function stageSeconds(since: RunProgress['since'], end: string | undefined): Record<string, number> {
  const begun = Object.entries(since);
  return Object.fromEntries(
    begun
      .filter(([stage]) => stage !== 'done')
      .map(([stage, at], index) => [stage, secondsBetween(at, begun[index + 1]?.[1] ?? end ?? new Date())]),
  );
}

/** What a person can do about a run that is over; a terminated one could not say so itself. */
function nextStep(run: string, live: LiveRun | undefined, outcome: OutcomeObject | undefined): string | undefined {
  if (outcome) return resumeAdvice(run, outcome);
  if (live?.status !== 'TERMINATED' && live?.status !== 'TIMED_OUT') return live?.progress?.next;
  const { kind = 'retrain', model } = parseRunId(run) ?? {};
  if (kind !== 'retrain') return `\`perennial models ${model}\` shows what is live; ask for the ${kind} again`;
  return `\`perennial resume ${run}\` goes on with what it had made, \`perennial orphans\` lists what it left running`;
}

/** Brings the sources together; the outcome object, being the record, has the last word on how a run ended. */
export function viewOf(
  client: Client,
  env: NodeJS.ProcessEnv,
  run: string,
  sources: { live?: LiveRun; end?: RunEnd; outcome?: OutcomeObject; request?: RunRequest },
): RunView {
  const { live, end, outcome, request } = sources;
  const { stage, since, notes, warnings, outcome: _said, ...facts } = live?.progress ?? { notes: [], warnings: [] };
  const { version: _version, outcome: recorded, ...record } = outcome ?? {};
  const { outcome: _outcome, ...result } = end?.result ?? {};
  return {
    run,
    model: parseRunId(run)?.model ?? run,
    state: recorded ?? end?.outcome ?? (live ? 'running' : 'unknown'),
    ...known({ stage, since, notes, warnings, ...facts }),
    ...(since ? { stages: stageSeconds(since, live?.endedAt) } : {}),
    ...known({ resumes: request?.resume }),
    ...known({ trigger: request?.trigger, event: request?.event, asOf: request?.asOf ?? request?.nominalDate }),
    ...known({ force: request?.force, noDeploy: request?.noDeploy, set: request?.set }),
    ...known({ reason: end?.reason, startedAt: live?.startedAt, endedAt: live?.endedAt }),
    ...known({ temporalRunId: live?.temporalRunId, historyEvents: live?.historyEvents, pending: live?.pending }),
    ...known(result),
    ...known(record),
    ...known({ next: nextStep(run, live, outcome) }),
    ...known({ url: live && uiUrl(client, env, run, live.temporalRunId) }),
  };
}

const duration = ({ startedAt, endedAt }: RunView): string | undefined =>
  startedAt &&
  `${formatTime(startedAt)}, ${endedAt ? `took ${formatSeconds(secondsBetween(startedAt, endedAt))}` : formatAge(startedAt)}`;

function asked({ trigger, event, force, noDeploy, set }: RunView): string | undefined {
  const words = [
    trigger && event ? `${trigger}: ${event}` : trigger,
    force && 'forced',
    noDeploy && 'no deploy',
    ...(set ?? []).map((one) => `--set ${one}`),
  ];
  return words.filter(Boolean).join(', ') || undefined;
}

/** The metric that decides comes first. */
const figures = (metrics: MetricValues, decides: MetricName) =>
  Object.entries(metrics)
    .sort(([a], [b]) => Number(b === decides) - Number(a === decides))
    .map(([name, value]) => `${name} ${value === null ? 'undefined' : formatNumber(value)}`)
    .join(', ');

function judged({ evaluation }: RunView): string | undefined {
  if (!evaluation) return undefined;
  const { holdout, rows, candidate, metric } = evaluation;
  return `${figures(candidate.metrics, metric)} on ${plural(rows, 'row')} of ${plural(holdout.files, 'file')}, ${holdout.from} to ${holdout.to}`;
}

function comparedWith({ evaluation }: RunView): string | undefined {
  const live = evaluation?.live;
  return live ? `${figures(live.metrics, evaluation.metric)} (${live.modelName})` : evaluation?.notCompared;
}

function decided({ evaluation, decideBy }: RunView): string | undefined {
  const approval = evaluation?.approval;
  if (!approval) return decideBy && `asked for, until ${formatTime(decideBy)}`;
  const { decision, by, note, at } = approval;
  return `${decision}${by ? ` by ${by}` : ''} ${formatTime(at)}${note ? `: ${note}` : ''}`;
}

/** For an operator at night and for an auditor: what happened, why, with what, and where it is. */
export function renderRun(output: Output, view: RunView): string {
  const { state, reason, position, metrics = [], stages = {}, pending = [], notes = [], warnings = [] } = view;
  const headline = [output.outcome(state), state === 'running' && view.stage].filter(Boolean).join(', ');
  const title = `${output.style('bold', view.run)}  ${headline}${position === undefined ? '' : `, ${position} before it`}`;
  const blocks = [
    reason ? `${title}\n  ${reason}` : title,
    output.facts([
      ['failure', view.failureType],
      ['asked by', asked(view)],
      ['resumes', view.resumes],
      ['as of', view.asOf],
      ['started', duration(view)],
      ['ended', view.endedAt && formatTime(view.endedAt)],
      ['prepared', preparedInWords(view)],
      ['label', labelInWords(view)],
      ['files', view.files === undefined ? undefined : plural(view.files, 'file')],
      ['data hash', view.dataHash],
      ['definition', view.definitionHash],
      ['file record', view.fileRecordUri],
      ['manifest', view.manifestUri],
      ['training job', view.trainingJob],
      ['image', view.image],
      ['image digest', imageDigestInWords(view)],
      ['hyperparameters', hyperparametersInWords(view)],
      ['instance', view.instanceType],
      ['billable', view.billableSeconds === undefined ? undefined : formatSeconds(view.billableSeconds)],
      ['artefact', view.artifactUri],
      ['metrics', metrics.map(({ name, value }) => `${name} ${formatNumber(value)}`).join(', ')],
      ['evaluated', judged(view)],
      ['live then', comparedWith(view)],
      ['gate', view.evaluation?.verdict?.reasons.join('; ')],
      ['approval', decided(view)],
      ['model', view.modelName],
      ['endpoint', view.endpoint],
      ['config', view.endpointConfig],
      ['from', view.change && [view.change.from.config, view.change.from.run].filter(Boolean).join(', ')],
      ['to', view.change && `${view.change.to.config}, ${view.change.to.run}`],
      ['by', view.change && [view.change.by, view.change.note].filter(Boolean).join(': ')],
      ['deployed', view.deployedAt && formatTime(view.deployedAt)],
      ['history', view.historyEvents === undefined ? undefined : plural(view.historyEvents, 'event')],
      ['UI', view.url],
    ]),
    Object.keys(stages).length > 0 &&
      output.table(
        ['STAGE', 'BEGAN', 'TOOK'],
        STAGES.filter((stage) => stages[stage] !== undefined).map((stage) => {
          const at = view.since?.[stage];
          return [stage, at ? formatTime(at) : '', formatSeconds(stages[stage] ?? 0)];
        }),
      ),
    pending
      .map((one) => {
        const words = pendingInWords(one);
        return `waiting in ${one.activity}, try ${one.attempt}${words === undefined ? '' : `: ${words}`}`;
      })
      .join('\n'),
    notes.map((note) => `- ${note}`).join('\n'),
    view.next,
    warnings.map((warning) => output.style('yellow', `warning: ${warning}`)).join('\n'),
  ];
  return blocks.filter(Boolean).join('\n\n');
}
