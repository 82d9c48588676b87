import type { LocalStack } from '../../local/index.js';
import type { Round } from './rounds.js';
import { count, type Screen } from './screen.js';
import type { TrafficSummary } from './traffic.js';

export interface Summary {
  readonly rounds: readonly Round[];
  readonly traffic: TrafficSummary;
  /** Posted during this start. */
  readonly slackMessages: number;
}

/** How many messages the local Slack has. */
export async function countSlackMessages({ urls }: Pick<LocalStack, 'urls'>): Promise<number> {
  const response = await fetch(`${urls.slack}/messages`);
  if (!response.ok) throw new Error(`The Slack sink answered ${response.status} at ${urls.slack}/messages.`);
  return ((await response.json()) as { messages: unknown[] }).messages.length;
}

/** The object that `--json` prints. */
export function summaryJson({ rounds, traffic, slackMessages }: Summary): object {
  const runs = rounds.map(({ run, metric }) => {
    const { outcome, model, workflowId, runId, trainingJob, endpoint, endpointConfig } = run;
    const { files, historyEvents, seconds } = run;
    return {
      ...{ outcome, model, workflowId, runId, trainingJob, endpoint, endpointConfig },
      ...{ files, metric, historyEvents, seconds },
    };
  });
  return { runs, traffic, slackMessages };
}

/** For people. */
export function showSummary(
  screen: Screen,
  { rounds, traffic, slackMessages }: Summary,
  urls: LocalStack['urls'],
): void {
  screen.line();
  rounds.forEach((round, index) => showRound(screen, round, index === 0 ? 'First run' : 'Second run, under traffic'));
  screen.line(screen.style('bold', 'Both'));
  screen.facts([
    ['requests during the update', renderTraffic(screen, traffic)],
    ['Slack', `${count(slackMessages, 'message')}, ${urls.slack}/`],
  ]);
  screen.line();
}

function renderTraffic(screen: Screen, { requests, failed, p99Ms }: TrafficSummary): string {
  if (requests === 0) return 'none were sent: there was no endpoint';
  return `${requests} sent, ${screen.style(failed === 0 ? 'green' : 'red', `${failed} failed`)}, p99 ${p99Ms} ms`;
}

function showRound(screen: Screen, { run, metric, heldBack }: Round, title: string): void {
  const colour = run.outcome === 'Deployed' ? 'green' : 'red';
  screen.line(`${screen.style('bold', title)}: ${screen.style(colour, run.outcome)} in ${run.seconds.toFixed(1)} s`);
  const facts: [string, string | undefined][] = [
    ['reason', run.outcome === 'Deployed' ? undefined : run.reason],
    ['model', run.model],
    ['files', run.files.toLocaleString('en-US')],
    ['training job', run.trainingJob],
    [
      'RMSE',
      metric &&
        `${screen.style('bold', `${metric.value.toFixed(2)} °C`)} on ${heldBack} later days; "same as today" has ${metric.baseline.toFixed(2)} °C`,
    ],
    ['endpoint', run.endpoint && `${run.endpoint} on ${run.endpointConfig}`],
    ['history', `${run.historyEvents} events`],
    ['Temporal UI', run.url],
  ];
  screen.facts(facts.filter((fact): fact is [string, string] => fact[1] !== undefined));
  screen.line();
}
