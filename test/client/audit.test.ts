import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { AuditWorld } from '../../bench/support/audit/world.js';
import type { AuditVerdict, Certificate, ErasedAnswer } from '../../contracts/purge/audit.js';
import { s3Uri } from '../../contracts/names.js';
import { clientEnvironment, stubAws, type ClientEnvironment } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

const KEY = 'people/ada-lovelace.csv';

let world: AuditWorld;
let at: ClientEnvironment;
beforeAll(async () => {
  const aws = inject('aws').endpoint;
  stubAws();
  [world, at] = await Promise.all([AuditWorld.make({ aws, postgres: inject('postgres').url }), clientEnvironment()]);
  at.override({ ...world.activities, declaredStorage: async () => ({ storage: world.storage }) });
  const { records, audit } = world.storage;
  const storage = { records, audit };
  const folder = await mkdtemp(join(tmpdir(), 'perennial-audit-'));
  await writeFile(join(folder, 'storage.yaml'), JSON.stringify({ storage }));
  const { code, err } = await call(at.env, ['apply', folder]);
  await rm(folder, { recursive: true });
  if (code !== 0) throw new Error(err);
  await world.purge('DSR-1', [KEY]);
}, 120_000);
afterAll(async () => {
  await at.close();
  await world.close();
  vi.unstubAllEnvs();
});

const perennial = (argv: readonly string[], cwd?: string, stdin = '') =>
  call(at.env, argv, { stdin, terminal: cwd === undefined ? {} : { cwd } });

const exchanged = async () => {
  const { KeyCount } = await world.s3.send(
    new ListObjectsV2Command({ Bucket: world.bucket, Prefix: '_perennial/exchange/' }),
  );
  return KeyCount;
};

/** Everything that Temporal keeps of the workflows whose id begins so. */
async function historiesOf(prefix: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { workflowId } of at.client.workflow.list()) {
    if (!workflowId.startsWith(prefix)) continue;
    const { events } = await at.client.workflow.getHandle(workflowId).fetchHistory();
    // Payloads are base64 here: what a reader of the history sees is their text.
    texts.push(
      JSON.stringify(events, (name, value: unknown) =>
        name === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value,
      ),
    );
  }
  return texts;
}

describe('audit verify', () => {
  it('says that an untouched chain is intact', async () => {
    const { code, out } = await perennial(['audit', 'verify']);
    expect({ code, out }).toEqual({ code: 0, out: 'intact: 3 rows recomputed, 2 signed heads compared, no fault\n' });
    const { json } = await perennial(['audit', 'verify', '--json']);
    expect(json()).toEqual({ rows: 3, heads: 2, faults: [], unanchored: 0, notes: [] });
  });
});

describe('purge certificate', () => {
  it('writes it as JSON and as a page, and both verify', async () => {
    const folder = await temporaryFolder({});
    for (const file of ['c.json', 'c.html']) {
      const made = await perennial(['purge', 'certificate', 'DSR-1', '--out', file], folder);
      expect(made).toMatchObject({
        code: 0,
        out: expect.stringContaining(`${file}: request DSR-1, 1 execution: Purged`),
      });
      const verified = await perennial(['audit', 'verify', '--certificate', file], folder);
      expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('no fault') });
    }
    const page = await readFile(join(folder, 'c.html'), 'utf8');
    for (const words of ['Certificate of erasure', 'DSR-1', 'Purged', 'Backups of file systems may hold copies until'])
      expect(page).toContain(words);
    expect(page).not.toContain(KEY);
    expect(await exchanged()).toBe(0);
  });

  it('is found out when it was edited, the page too', async () => {
    const folder = await temporaryFolder({});
    await perennial(['purge', 'certificate', 'DSR-1', '--out', 'c.json'], folder);
    await perennial(['purge', 'certificate', 'DSR-1', '--out', 'c.html'], folder);
    const certificate = JSON.parse(await readFile(join(folder, 'c.json'), 'utf8')) as Certificate;
    await writeFile(join(folder, 'c.json'), JSON.stringify({ ...certificate, issuedAt: '2020-01-01T00:00:00.000Z' }));
    const page = await readFile(join(folder, 'c.html'), 'utf8');
    await writeFile(join(folder, 'c.html'), page.replace('found nothing left', 'found a little left'));
    const edited = await perennial(['audit', 'verify', '--certificate', 'c.json', '--json'], folder);
    expect(edited.code).toBe(1);
    expect(edited.json<AuditVerdict>().faults).toEqual([expect.stringContaining('it was changed') as string]);
    expect(await perennial(['audit', 'verify', '--certificate', 'c.html'], folder)).toMatchObject({
      code: 1,
      out: expect.stringContaining('the page c.html is not what its certificate says') as string,
    });
  });

  it.each([
    [['purge', 'certificate', 'DSR-1', '--out', 'c.pdf'], 2, '--out c.pdf must end in .json or .html'],
    [['purge', 'certificate', 'a b', '--out', 'c.json'], 2, 'is no id of a request'],
    [['purge', 'certificate', 'DSR-9', '--out', 'c.json'], 1, 'No purge of request DSR-9 is in the audit chain'],
    [['audit', 'verify', '--certificate', 'none.json'], 1, 'none.json cannot be read'],
    [['audit', 'verify', '--certificate', 'other.json'], 1, 'other.json is no certificate'],
    [['audit', 'erased'], 2, 'give either the URI or --from <file>'],
    [['audit', 'erased', 'people/ada.csv'], 2, 'is not the URI of an object'],
  ])('and its siblings refuse %j', async (argv, code, words) => {
    const folder = await temporaryFolder({ 'other.json': '{"version":1}' });
    const answer = await perennial(argv, folder);
    expect({ code: answer.code, err: answer.err }).toEqual({ code, err: expect.stringContaining(words) as string });
  });
});

describe('audit erased', () => {
  it('answers by a keyed hash, and lets no key into history', async () => {
    const uri = s3Uri(world.bucket, KEY);
    const { code, json } = await perennial(['audit', 'erased', '--from', '-', '--json'], undefined, `${uri}\n`);
    expect(code).toBe(0);
    const hash = world.hashes.object(world.bucket, KEY);
    expect(json<ErasedAnswer>()).toMatchObject({ hash, executions: [{ request: 'DSR-1', how: ['target'] }] });
    const never = await perennial(['audit', 'erased', s3Uri(world.bucket, 'people/bob.csv')]);
    expect(never.out).toContain('no purge erased it');
    expect(await exchanged()).toBe(0);
    const histories = await vi.waitFor(
      async () => {
        const found = await historiesOf('findErased/');
        expect(found).toHaveLength(2);
        return found;
      },
      { timeout: 30_000, interval: 500 },
    );
    expect(histories.every((text) => text.includes('_perennial/exchange/'))).toBe(true);
    expect(histories.some((text) => text.includes('people/'))).toBe(false);
  });
});

describe('audit verify, at last', () => {
  it('ends with 1 and names the row where somebody changed one', async () => {
    await world.pool.query(
      `ALTER TABLE audit_chain DISABLE TRIGGER USER;
       UPDATE audit_chain SET body = replace(body, 'Purged', 'Blocked') WHERE kind = 'ended'`,
    );
    const { code, out } = await perennial(['audit', 'verify']);
    expect(code).toBe(1);
    expect(out).toContain('row 3 was changed: its hash does not fit its content');
    expect(out).toContain('trigger audit_chain_append_only');
  });
});
