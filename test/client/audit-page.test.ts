import { expect, it } from 'vitest';
import { certificateIn, certificatePage } from '../../client/audit/page.js';
import type { Certificate, CertifiedExecution } from '../../contracts/purge/audit.js';

const HOSTILE = `</script><script>alert(1)</script><img src=x onerror="a">'&`;
const NONE = { versions: 0, markers: 0, uploads: 0, bytes: 0 };
const ref = { request: 'DSR-1', execution: 'e1' };

const execution = (ended?: Partial<NonNullable<CertifiedExecution['ended']>>): CertifiedExecution => ({
  execution: 'e1',
  requestedAt: '2026-01-01T00:00:00.000Z',
  requested: {
    ...{ kind: 'requested', ...ref, by: HOSTILE, reason: HOSTILE },
    targets: { objects: 1, prefixes: 2, values: 0, hash: 'e'.repeat(64) },
  },
  ...(ended && {
    endedAt: '2026-01-01T00:05:00.000Z',
    ended: {
      ...{ kind: 'ended', ...ref, outcome: 'Purged', reason: HOSTILE, remaining: NONE, later: 0 },
      erased: { versions: 1_234, markers: 3, uploads: 1, bytes: 2_048, keys: 7 },
      copies: { files: 0, bytes: 0, mounts: [], conflicts: {} },
      ...{ blocked: [], retrained: [] },
      ...ended,
    },
  }),
  ...{ targets: [{ hash: 'h'.repeat(43), kind: 'object', bucket: 'b', remaining: 0 }], moreTargets: 5 },
});

const page = (...executions: CertifiedExecution[]) => {
  const certificate: Certificate = {
    ...{ version: 1, request: 'DSR-1', issuedAt: '2026-01-02T00:00:00.000Z', executions, lifted: [] },
    chain: { sequence: 4, head: 'c'.repeat(64) },
  };
  return { certificate, html: certificatePage(certificate) };
};

it('holds the certificate itself, and runs nothing whatever stands in it', () => {
  const { certificate, html } = page(execution({}));
  expect(JSON.parse(certificateIn(html) ?? '')).toEqual(certificate);
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(html).not.toContain('<img');
  expect(html).toContain("default-src 'none'");
});

it('counts what was there, what went and what is left, and says what an unsigned one is worth', () => {
  const { html } = page(execution({ remaining: { ...NONE, versions: 2 } }));
  expect(html).toContain(
    '<td>Versions in S3</td><td class="number">1,236</td><td class="number">1,234</td><td class="number">2</td>',
  );
  expect(html).toContain('1 object, 2 prefixes');
  expect(html).toContain('and 5 more, in the report');
  expect(html).toContain('This certificate is not signed');
});

it('names the keyed hash of the list, and the plain one that purges of before have', () => {
  const old = execution();
  const targets = { ...old.requested.targets, hash: 'k'.repeat(43) };
  expect(page(old).html).toContain('SHA-256 of the list of targets');
  expect(page({ ...old, requested: { ...old.requested, targets } }).html).toContain(
    'Keyed hash of the list of targets',
  );
});

it('says what whoever resumed the purge vouched for', () => {
  const one = execution({});
  expect(page(one).html).not.toContain('hard links');
  const { html } = page({ ...one, requested: { ...one.requested, linksRemoved: 2 } });
  expect(html).toContain('<dt>Files with other hard links</dt><dd>2: removed elsewhere, by word of who asked</dd>');
});

it('says where its counts are the least that went', () => {
  const erased = { versions: 4_000, markers: 0, uploads: 0, bytes: 1, keys: 1 };
  expect(page(execution({ erased })).html).not.toContain('At least');
  expect(page(execution({ erased: { ...erased, atLeast: true } })).html).toContain('At least so much was erased');
});

it.each([
  [undefined, 'has not ended', 'open'],
  [{ outcome: 'Purged' as const }, 'found nothing left', 'good'],
  [{ outcome: 'Blocked' as const }, 'could not be erased yet', 'bad'],
  [{ outcome: 'Reuploaded' as const }, 'uploaded under the same names since', 'open'],
  [{ outcome: 'Failed' as const, reason: 'no rights' }, 'did not come to its end: no rights', 'bad'],
])('says of %j in a sentence what it came to', (ended, words, look) => {
  const { html } = page(execution(ended));
  expect(html).toMatch(new RegExp(`class="badge ${look}"[^\n]*${words}`));
});

it('names blocked entries with their dates, and what became of the models', () => {
  const lineage = {
    ...{ runs: 2, models: ['weather', 'housing', 'flats'], live: ['weather', 'housing'], runningJobs: [] },
    ...{ batchOutputs: 0, lineageUri: 's3://b/_perennial/l' },
  };
  const { html } = page(
    execution({
      outcome: 'Blocked',
      blocked: [{ by: 'object lock', entries: 2, until: '2027-02-01T00:00:00.000Z', advice: 'run `perennial purge`' }],
      lineage,
      retrained: [{ model: 'weather', run: 'retrain/weather/x', outcome: 'Deployed' }],
    }),
  );
  expect(html).toContain('<td>2027-02-01 00:00:00 UTC</td><td>run <code>perennial purge</code></td>');
  expect(html).toContain('<td>weather</td><td>yes</td><td>Deployed (retrain/weather/x)</td>');
  expect(html).toContain('<td>housing</td><td>yes</td><td>still live, not retrained by this purge</td>');
  expect(html).toContain('<td>flats</td><td>no</td><td>not live</td>');
});
