import type { PreparePreview } from '../../contracts/prepare.js';
import type { Preview } from '../../contracts/questions.js';
import { formatBytes, plural } from '../format.js';
import type { Output } from '../output.js';

/** What a run would find and do, for people. */
export function renderPreview(output: Output, model: string, preview: Preview): string {
  const { files, bytes, oldestDate, newestDate, added, changed, removed, endpointAction, endpoint } = preview;
  const verdict = preview.wouldTrain ? 'would train' : 'would not train';
  return [
    `${output.style('bold', model)}: ${verdict}`,
    ...preview.reasons.map((reason) => `  ${reason}`),
    output.facts([
      ['as of', preview.asOf],
      [
        'files',
        `${plural(files, 'file')}, ${formatBytes(bytes)}${oldestDate ? `, ${oldestDate} to ${newestDate}` : ''}`,
      ],
      ['difference', `${added} new, ${changed} changed, ${removed} removed`],
      ['image', preview.image],
      ['instances', preview.instanceTypes.join(', then ')],
      ['endpoint', endpointAction === 'none' ? `${endpoint}, left alone` : `${endpointAction} ${endpoint}`],
      ...preview.warnings.map((warning) => ['warning', warning] as const),
    ]),
    ...(preview.prepare ? ['', ...renderPrepare(output, preview.prepare)] : []),
  ].join('\n');
}

/** What it would have a warehouse do first. The text of the statements is in the answer as JSON. */
function renderPrepare(output: Output, prepare: PreparePreview): string[] {
  const { warehouse, address, user, role, parameters, statements, checks, label, key } = prepare;
  const { exportTo, publishTo, published, problems } = prepare;
  return [
    output.style('bold', 'first it would prepare'),
    output.facts([
      ['warehouse', [warehouse, address && `at ${address}`, user && `as ${user}`].filter(Boolean).join(', ')],
      ['role', role],
      ...parameters.map(({ name, type, value }) => ['parameter', `${name} ${type} = ${value ?? 'null'}`] as const),
      ...statements.map(({ what }) => ['statement', what] as const),
      ...checks.map((check) => ['check', check] as const),
      ['label', label],
      ['key', key ?? "the bucket's own encryption"],
      ['export to', exportTo],
      [
        'publish to',
        published > 0 ? `${publishTo}, which has ${plural(published, 'object')} of an earlier export` : publishTo,
      ],
      ...problems.map((problem) => ['problem', problem] as const),
    ]),
  ];
}
