import type { Certificate, CertifiedExecution } from '../../contracts/purge/audit.js';
import { formatTime, plural } from '../format.js';
import { escapeHtml } from '../report/html.js';
import { STYLE } from '../report/theme.js';
import { blockedTable, countsTable, facts, modelsTable, outcomeClass, targetsTable } from './tables.js';

/** Nothing is loaded, run or sent: the script that the page holds is data. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const OWN_STYLE = `
body{max-width:60rem}
.badge{display:inline-block;padding:.1rem .6rem;border:1px solid;border-radius:1rem;font-weight:600}
.good{color:var(--green)}
.bad{color:var(--vermilion)}
.open{color:var(--amber)}
.statement{font-size:1.05rem;margin:1rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.25rem;margin:.75rem 0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
dd code,td code{white-space:normal;overflow-wrap:anywhere}
section .scroll{margin-top:1rem}
h3{font-size:1rem;margin:1.25rem 0 .25rem}
pre{padding:.75rem;border:1px solid var(--line);overflow-x:auto;font:.75rem/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
@media print{@page{size:portrait;margin:15mm}h2,h3{break-after:avoid}dl,pre{break-inside:avoid}}
`;

/** A certificate as one document that needs nothing else; the certificate itself is in it, as JSON. */
export function certificatePage(certificate: Certificate): string {
  const { request, issuedAt, executions } = certificate;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Certificate of erasure: ${escapeHtml(request)}</title>
<style>${STYLE}${OWN_STYLE}</style>
</head>
<body>
<header>
<h1>Certificate of erasure</h1>
<p class="muted">Request <strong>${escapeHtml(request)}</strong>, issued ${formatTime(issuedAt)} by Perennial</p>
</header>
<main>
${statement(executions)}
${executions.map((execution, index) => section(execution, index, executions.length)).join('\n')}
${lifted(certificate)}
${proof(certificate)}
</main>
<script type="application/json" id="certificate">${dataOf(certificate)}</script>
</body>
</html>
`;
}

/** The JSON that a page holds; undefined where it holds none. */
export const certificateIn = (page: string): string | undefined =>
  /<script type="application\/json" id="certificate">([^<]*)<\/script>/.exec(page)?.[1];

/** No `<` can end the script early; to JSON it is the same character. */
const dataOf = (certificate: Certificate) => JSON.stringify(certificate).replaceAll('<', '\\u003c');

/** In a sentence, what the last execution came to. */
function statement(executions: readonly CertifiedExecution[]): string {
  const last = executions.at(-1);
  const ended = last?.ended;
  const outcome = ended?.outcome ?? 'Not ended';
  return `<p class="statement"><span class="badge ${outcomeClass(outcome)}">${escapeHtml(outcome)}</span> ${escapeHtml(says(ended))}</p>`;
}

function says(ended: CertifiedExecution['ended']): string {
  switch (ended?.outcome) {
    case undefined:
      return 'The purge was asked for and has not ended: nothing is certified of what went.';
    case 'Purged':
      return 'Everything that was asked for is gone: a listing made after the erasure found nothing left.';
    case 'Blocked':
      return 'A part could not be erased yet; what holds it back, and until when, is below.';
    case 'Reuploaded':
      return 'Everything that was there is gone; objects were uploaded under the same names since, and were left.';
    case 'Failed':
    case 'Cancelled':
      return `The purge did not come to its end: ${ended.reason}`;
  }
}

function section(execution: CertifiedExecution, index: number, count: number): string {
  const { requested, requestedAt, ended, endedAt, backupsUntil } = execution;
  const title = count === 1 ? 'What was done' : `Execution ${index + 1} of ${count}`;
  const parts = [
    `<section>`,
    `<h2>${title}</h2>`,
    facts([
      ['Asked for by', requested.by],
      ['Why', requested.reason],
      ['Asked for', formatTime(requestedAt)],
      ['Ended', endedAt === undefined ? 'not yet' : formatTime(endedAt)],
      ['Outcome', ended?.outcome],
      ['Reason of the outcome', ended?.reason],
      ['Targets', wanted(execution)],
      [
        'Files with other hard links',
        requested.linksRemoved === undefined
          ? undefined
          : `${requested.linksRemoved}: removed elsewhere, by word of who asked`,
      ],
      ['Execution', { code: execution.execution }],
      [listHashName(requested.targets.hash), { code: requested.targets.hash }],
      [
        'Backups of file systems may hold copies until',
        backupsUntil === undefined ? undefined : formatTime(backupsUntil),
      ],
    ]),
    ...(ended ? [countsTable(ended), blockedTable(ended.blocked), modelsTable(ended)] : []),
    targetsTable(execution),
    '</section>',
  ];
  return parts.filter(Boolean).join('\n');
}

/** Purges of before have a plain one. */
const listHashName = (hash: string) => `${hash.length === 64 ? 'SHA-256' : 'Keyed hash'} of the list of targets`;

function wanted({ requested: { targets } }: CertifiedExecution): string {
  const parts = [
    targets.objects > 0 && plural(targets.objects, 'object'),
    targets.prefixes > 0 && (targets.prefixes === 1 ? '1 prefix' : `${targets.prefixes} prefixes`),
    targets.values > 0 && `rows of ${plural(targets.values, 'value')}`,
  ];
  return parts.filter(Boolean).join(', ');
}

function lifted({ lifted: events }: Certificate): string {
  if (events.length === 0) return '';
  const items = events.map(
    ({ at, event: { by, reason, keys } }) =>
      `<li>${formatTime(at)}, ${escapeHtml(by)}: ${plural(keys, 'key')} may be used again. ${escapeHtml(reason)}</li>`,
  );
  return `<section><h2>Lifted since</h2><ul>${items.join('')}</ul></section>`;
}

function proof({ chain, signature }: Certificate): string {
  return `<section>
<h2>Proof</h2>
<p>Each row of the record of purges holds the hash of the row before it, so that none can be changed, removed or put between without every later
hash being another. Signed heads of the chain lie in a bucket whose objects nobody can remove or replace before their time is over.</p>
${facts([
  ['Row of the chain', String(chain.sequence)],
  ['Its hash (SHA-256)', { code: chain.head }],
  ['Head that anchors it', chain.headUri === undefined ? 'none yet' : { code: chain.headUri }],
  ['Signed with', signature && { code: signature.key }],
  ['Algorithm', signature?.algorithm],
  ['Signature (DER, base64)', signature && { code: signature.value }],
])}
${
  signature
    ? `<h3>Public key</h3>\n<pre>${escapeHtml(signature.publicKey.trim())}</pre>`
    : '<p class="bad">This certificate is not signed: no signing key is declared. It is a copy of the record, and no proof.</p>'
}
<h3>How to check it</h3>
<p><code>perennial audit verify --certificate &lt;this file&gt;</code> recomputes the whole chain against its heads, and checks the signature and that this
page shows nothing but what was signed. Without Perennial: the JSON in this page, without its member <code>signature</code>, members sorted by name and
nothing between tokens, is what the signature covers; the public key must be that of the KMS key, asked for independently.</p>
</section>`;
}
