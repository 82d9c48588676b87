import type { KnownBlock } from '@slack/web-api';
import type { Notice } from '../../contracts/notices.js';
import type { Approval, Evaluation } from '../../contracts/evaluation.js';
import type { Outcome } from '../../contracts/runs.js';
import { cut, duration, escapeWithin } from './text.js';

// Slack's limits (Block Kit reference): header 150, section text 3,000, field 2,000, ten fields a section; message text 40,000.
const HEADER = 150;
const TEXT = 3_000;
const FIELD = 2_000;
const FIELDS = 10;

/** What chat.postMessage sends: blocks, and the text that notifications and readers without blocks show. */
export interface Message {
  readonly text: string;
  readonly blocks: KnownBlock[];
}

const OUTCOMES: Record<Outcome, readonly [emoji: string, what: string]> = {
  Deployed: [':white_check_mark:', 'deployed'],
  NoNewData: [':zzz:', 'nothing new'],
  Rejected: [':no_entry:', 'rejected'],
  Trained: [':mortar_board:', 'trained, not deployed'],
  Failed: [':red_circle:', 'failed'],
  Cancelled: [':black_square_for_stop:', 'cancelled'],
};

/** A notice as a Slack message. `link` is the run's page in the Temporal UI. */
export function message(notice: Notice, link: string | undefined): Message {
  const [emoji, what] = happened(notice);
  const title = `${[notice.ref.model, notice.subject].filter(Boolean).join(', ')}: ${what}`;
  const reason = notice.reason === undefined ? undefined : why(notice, notice.reason);
  const blocks: KnownBlock[] = [
    { type: 'header', text: { type: 'plain_text', text: cut(`${emoji} ${title}`, HEADER), emoji: true } },
  ];
  if (reason !== undefined) blocks.push(section(escapeWithin(reason, TEXT)));
  if (notice.next !== undefined) blocks.push(section(escapeWithin(notice.next, TEXT)));
  const all = fields(notice);
  for (let at = 0; at < all.length; at += FIELDS) blocks.push({ type: 'section', fields: all.slice(at, at + FIELDS) });
  if (notice.warnings.length > 0) {
    const warnings = notice.warnings.map((warning) => `• ${warning}`).join('\n');
    blocks.push(section(`:warning: *Warnings*\n${escapeWithin(warnings, TEXT - 25)}`));
  }
  blocks.push({ type: 'context', elements: [{ type: 'mrkdwn', text: footer(notice, link) }] });
  return { text: escapeWithin(reason === undefined ? title : `${title}. ${reason}`, TEXT), blocks };
}

function happened({ kind, outcome, change }: Notice): readonly [emoji: string, what: string] {
  switch (kind) {
    case 'training':
      return [':gear:', 'training started'];
    case 'approval':
      return [':raising_hand:', 'waits for a decision'];
    case 'deploying':
      return change?.kind === 'rollback' ? [':rewind:', 'roll-back started'] : [':rocket:', 'deployment started'];
    case 'ended':
      if (outcome === undefined) return [':grey_question:', 'ended without an outcome'];
      if (change?.kind !== 'rollback') return OUTCOMES[outcome];
      return outcome === 'Deployed'
        ? [':leftwards_arrow_with_hook:', 'rolled back']
        : [OUTCOMES[outcome][0], `roll-back ${OUTCOMES[outcome][1]}`];
  }
}

const why = ({ failureType }: Notice, reason: string) =>
  failureType === undefined ? reason : `${failureType}: ${reason}`;

const section = (text: string): KnownBlock => ({ type: 'section', text: { type: 'mrkdwn', text } });

function fields(notice: Notice) {
  const { request, metrics, files, endpoint, endpointConfig, change } = notice;
  const rows: [label: string, value: string | undefined][] = [
    ['Stage', notice.subject === undefined ? notice.stage : undefined],
    ['Duration', duration(notice.seconds)],
    ['Files', files?.toLocaleString('en')],
    [
      'Metric',
      metrics.length > 0 ? metrics.map(({ name, value }) => `${name} ${figure(value)}`).join('\n') : undefined,
    ],
    ['Evaluation', notice.evaluation && judged(notice.evaluation)],
    ['Decide by', notice.decideBy],
    ['Decision', notice.evaluation?.approval && decided(notice.evaluation.approval)],
    ['Training job', notice.trainingJob],
    ['Instance', notice.instanceType],
    ['Endpoint', endpoint],
    ['Endpoint config', endpointConfig],
    ['From', change && (change.from.run ?? change.from.config)],
    ['To', change?.to.run],
    ['By', change && [change.by, change.note].filter(Boolean).join(': ')],
    [
      'Trigger',
      [
        request.trigger,
        request.resume && `resumes ${request.resume}`,
        request.force && 'forced',
        request.noDeploy && 'no deployment',
      ]
        .filter(Boolean)
        .join(', '),
    ],
    ['Settings', request.set && request.set.length > 0 ? request.set.join('\n') : undefined],
  ];
  return rows
    .filter((row): row is [string, string] => row[1] !== undefined)
    .map(([label, value]) => ({
      type: 'mrkdwn' as const,
      text: `*${label}*\n${escapeWithin(value, FIELD - label.length - 3)}`,
    }));
}

/** `mdape 0.0871, live 0.0912; …`: the figures that decide, and what the gate made of them. */
function judged({ metric, candidate, live, rows, notCompared, verdict }: Evaluation): string {
  const value = (one: number | null | undefined) => (typeof one === 'number' ? figure(one, 6) : 'undefined');
  return [
    `${metric} ${value(candidate.metrics[metric])} on ${rows.toLocaleString('en')} rows`,
    live && `live ${value(live.metrics[metric])}`,
    notCompared,
    verdict && `gate: ${verdict.reasons.join('; ')}`,
  ]
    .filter(Boolean)
    .join('\n');
}

const decided = ({ decision, by, note }: Approval): string =>
  `${decision}${by ? ` by ${by}` : ''}${note ? `: ${note}` : ''}`;

function figure(value: number, digits = 4): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

function footer({ kind, ref, stages }: Notice, link: string | undefined): string {
  const run = escapeWithin(ref.run, 300);
  const spent = Object.entries(stages).map(([stage, seconds]) => `${stage} ${duration(seconds)}`);
  return [
    link === undefined ? run : `<${link}|${run}>`,
    ...(kind === 'ended' && spent.length > 0 ? [spent.join(', ')] : []),
  ].join(' · ');
}
