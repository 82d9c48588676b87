import { hash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';
import { parseS3Uri } from '../../contracts/names.js';
import type { PurgeInput, PurgeWork } from '../../contracts/purge/index.js';
import { historyText } from '../support/history-text.js';
import { raise } from '../support/scripted-activities.js';
import { purgeSetting, WHY } from './purge-setting.js';
import { call, temporaryFolder } from './terminal.js';

const ODD = 'odd \u2028 %20+é\rend';
const KEYS = ['the first of all.csv', 'a b%20+c', ODD, 'the last one/'];
const setting = purgeSetting();
const { bucket: BUCKET, s3, happy, lists, perennial, uri, mint, left, inspectTargets, forgetTargets } = setting;

async function startedWith(request: string): Promise<PurgeInput> {
  const { events } = await setting.at.client.workflow.getHandle(`purge/${request}`).fetchHistory();
  const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return defaultPayloadConverter.fromPayload<PurgeInput>(input as never);
}

describe('purge', () => {
  it('brings keys as they are into the list, and none into the history', async () => {
    const request = mint();
    const folder = await temporaryFolder({
      'keys.txt': `${uri(KEYS[1] ?? '')}\r\n\n${JSON.stringify({ key: ODD, bucket: BUCKET })}\n${uri(KEYS[3] ?? '')}\n${uri(KEYS[0] ?? '')}`,
    });
    const from = ['--from', `${folder}/keys.txt`, '--request', request, ...WHY];
    const { code, json, err } = await perennial(uri(KEYS[0] ?? ''), ...from, '--follow', '--json');
    for (const words of ['row 1 of the chain has the request', '1 line named once more']) expect(err).toContain(words);
    expect([code, json()]).toEqual([0, expect.objectContaining({ request, outcome: 'Purged' })]);
    expect(
      lists[0]
        ?.trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toEqual(KEYS.map((key) => ({ bucket: BUCKET, key })));
    // Salted: a short list could be guessed by a plain one.
    const { targetsHash } = await startedWith(request);
    const plain = hash('sha256', lists[0] ?? '');
    expect([targetsHash, targetsHash === plain]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), false]);
    const text = historyText(await setting.at.client.workflow.getHandle(`purge/${request}`).fetchHistory());
    expect(text).toContain('erasure request');
    expect(KEYS.filter((key) => text.includes(key))).toEqual([]);
    expect(await left()).toBe(0);
  });

  it('tells all faults at once, by line and without what stands there, and starts nothing', async () => {
    const folder = await temporaryFolder({
      'keys.txt': `${uri('fine')}\nsecret-key\n{"bucket":"b"}\n{"nope":\n{"value":"ann"}\n`,
    });
    const { code, err } = await perennial(
      'not-a-uri',
      uri('_perennial/x'),
      '--from',
      `${folder}/keys.txt`,
      '--request',
      'a b',
      '--column',
      '2',
    );
    expect(code).toBe(2);
    for (const words of [
      '--request must be',
      '--reason must say why',
      '--column and --value-file go together',
      'target 1 is no S3 URI',
      'target 2 lies under _perennial/',
      'line 2: is no S3 URI',
      'line 3: must have either key or prefix',
      'line 4: is not JSON',
      'line 5: is a value',
      'nothing was started',
    ])
      expect(err).toContain(words);
    expect(err).not.toContain('secret-key');
    expect(await left()).toBe(0);
    expect((await perennial('--request', 'R', ...WHY)).err).toContain('targets: none');
  });

  it('reads files as UTF-8 and guesses nothing', async () => {
    const request = mint();
    const odd = uri('jos\u00e9');
    const folder = await temporaryFolder({
      bom: `\ufeff${odd}\n`,
      values: '\ufeffann\n\n  \nbob',
      latin: Buffer.from(`${uri('fine')}\n${odd}\n`, 'latin1'),
      utf16: Buffer.from(`\ufeff${odd}\n`, 'utf16le'),
      bare: Buffer.from(`ann\n`, 'utf16le'),
      blank: '\n \n\r\n',
    });
    const rows = ['--column', '1', '--value-file'];
    const start = ['--request', request, ...WHY, '--follow'];
    expect((await perennial('--from', `${folder}/bom`, ...rows, `${folder}/values`, ...start)).code).toBe(0);
    const lines = lists[0]
      ?.trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual([{ bucket: BUCKET, key: 'jos\u00e9' }, { value: 'ann' }, { value: 'bob' }]);

    const { code, err } = await perennial('--from', `${folder}/latin`, ...rows, `${folder}/bare`, ...start);
    expect(code).toBe(2);
    expect(err).toContain('latin, line 2: is not UTF-8');
    expect(err).toContain('bare, line 1: is not UTF-8');
    expect(err).not.toContain('targets: none');
    const blank = await perennial(uri('a'), ...rows, `${folder}/blank`, ...start);
    expect([blank.code, blank.err]).toEqual([2, expect.stringContaining('nothing but blank lines')]);
    const stdin = await call(setting.at.env, ['purge', '--from', '-', ...start], { stdin: `\ufeff${odd}\n` });
    expect([stdin.code, lists[1]]).toEqual([0, `${JSON.stringify({ bucket: BUCKET, key: 'jos\u00e9' })}\n`]);
    for (const command of [
      ['audit', 'erased', '--bucket', BUCKET],
      ['lineage'],
      ['purge', 'lift', '--request', request, ...WHY],
    ]) {
      const refused = await call(setting.at.env, [...command, '--from', `${folder}/utf16`]);
      expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('line 1: is not UTF-8')]);
    }
    expect(await left()).toBe(0);
  });

  it('wants --yes for a prefix, or the id of the request at a terminal', async () => {
    const request = mint();
    // The object after the prefix stays an object.
    const args = ['--prefix', uri('people/'), uri('a.csv'), '--prefix', uri('staff/'), '--request', request, ...WHY];
    const refused = await perennial(...args);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('erases 1 object, 2 prefixes for good')]);
    const asked: string[] = [];
    const answered = (answer: string) =>
      call(setting.at.env, ['purge', ...args, '--follow'], {
        terminal: { inIsTty: true, errIsTty: true, ask: async (question) => (asked.push(question), answer) },
      });
    expect((await answered('no')).err).toContain('not confirmed');
    expect(await left()).toBe(0);
    expect((await answered(request)).code).toBe(0);
    expect(asked[0]).toContain("Type the request's id");
    expect(lists[0]?.trimEnd().split('\n')).toEqual(
      [{ key: 'a.csv' }, { prefix: 'people/' }, { prefix: 'staff/' }].map((name) =>
        JSON.stringify({ bucket: BUCKET, ...name }),
      ),
    );
    expect((await perennial(...args, '--yes', '--follow')).code).toBe(0);
  });

  it('shows what would go, and leaves nothing behind', async () => {
    const write =
      (answer: object) =>
      async ({ outputUri }: { outputUri?: string }) => {
        const { bucket: Bucket, key: Key } = parseS3Uri(outputUri ?? '');
        await s3.send(new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(answer) }));
        return { bytes: 2 };
      };
    const counts = { versions: 3, markers: 1, uploads: 0, bytes: 2048 };
    const use = { run: 'retrain/weather/1', model: 'weather', channel: 'train', outcome: 'Deployed', as: 'trained' };
    setting.at.override({
      inspectTargets,
      planObjects: write({
        total: counts,
        buckets: [],
        more: 0,
        blocked: [],
        targets: [{ ...counts, uri: uri('a.csv'), copies: [uri('copy/a.csv')] }],
      }),
      planCopies: write({ paths: ['/mnt/data/a.csv'], more: 0, files: 1, bytes: 10, mounts: [], conflicts: {} }),
      lineageOfTargets: async (input) => {
        await write({
          files: [{ uri: uri('a.csv'), etag: 'e', uses: [use] }],
          endpoints: [{ endpoint: 'weather', endpointConfig: 'c', run: use.run, deployedAt: '', live: true }],
          batchOutputs: [],
          records: [uri('runs/1/files.json')],
          warnings: [],
        })(input);
        const records = { fileRecords: 1, manifests: 2, scores: 0 };
        return { ...(await happy.lineageOfTargets(input)), records };
      },
    });
    const { code, out } = await perennial(uri('a.csv'), '--dry-run');
    expect(code).toBe(0);
    for (const words of [
      'nothing was erased',
      '2.0 KiB',
      uri('a.csv'),
      '1 declared copy',
      '/mnt/data/a.csv',
      use.run,
      'weather  , live',
      uri('runs/1/files.json'),
      '1 file record, 2 manifests, 0 score records',
    ])
      expect(out).toContain(words);
    const { json } = await perennial(uri('a.csv'), '--dry-run', '--json');
    expect(json()).toMatchObject({ dryRun: true, objects: { total: counts }, copies: { files: 1 } });
    expect(await left()).toBe(0);
  });

  it('erases rows by values of a file', async () => {
    const folder = await temporaryFolder({ ids: 'ann@example.org\nbob@example.org\n' });
    const args = ['--prefix', uri('d/'), '--column', '3', '--value-file', `${folder}/ids`, '--yes', '--follow'];
    const { out, err } = await perennial(...args, '--request', mint(), ...WHY);
    expect(out).toContain('30 in 3 objects of 10 searched; found 1 of 2 values');
    expect(out).toContain('warning: 1 of 2 values was found nowhere');
    expect(lists[0]).toContain('{"value":"ann@example.org"}');
    expect(out + err).not.toContain('ann@');
  });

  it('shows, refuses to double, cancels, resumes and forgets a purge', async () => {
    const request = mint();
    const waiting = {
      inspectTargets,
      recordAudit: async () => Promise.reject(raise('LedgerUnavailable', 'no ledger')),
    };
    setting.at.override(waiting);
    const start = [uri('a.csv'), '--request', request, ...WHY];
    expect((await perennial(...start)).out).toContain(`started purge/${request}`);
    await vi.waitUntil(async () => (await perennial('status', request)).out.includes('waiting in recordAudit'), {
      timeout: 20_000,
    });
    const again = await perennial(...start);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('is under way')]);
    expect((await perennial('resume', request)).err).toContain('still running');
    expect((await perennial('cancel', request)).out).toContain('Cancelled: inspect: cancelled on request');
    expect((await perennial('status', request)).out).toContain('nothing that it had reported yet');

    const settled: PurgeWork[] = [];
    setting.at.override({
      inspectTargets,
      forgetTargets,
      settleTombstones: async (work) => void settled.push(work),
      verifyObjects: async (input) => ({
        ...(await happy.verifyObjects(input)),
        remaining: { versions: 1, markers: 0, uploads: 0, bytes: 10 },
        blocked: [{ by: 'object lock', entries: 1, until: '2030-01-01T00:00:00.000Z', advice: 'wait' }],
      }),
    });
    const blocked = await perennial('resume', request, '--follow');
    expect([blocked.code, blocked.out]).toEqual([1, expect.stringContaining('Blocked: erased 5 versions')]);
    expect(blocked.out).toContain('1 by object lock until 2030-01-01 00:00:00 UTC: wait');
    const status = await perennial('status', request, '--json');
    expect(status.json()).toMatchObject({ state: 'Blocked', result: { outcome: 'Blocked' } });
    expect((await startedWith(request)).since).toMatch(/^\d{4}-/);
    expect(await startedWith(request)).not.toHaveProperty('links');
    expect((await perennial('resume', request, '--links-removed')).err).toContain('leave out --links-removed');

    // Names that nobody finds by the path any more: told from execution to execution, until somebody says that they are gone.
    setting.at.override({
      ...{ inspectTargets, forgetTargets: async () => undefined },
      eraseCopies: async (input) => ({
        ...(await happy.eraseCopies(input)),
        conflicts: { 'file with other links': 2 },
      }),
    });
    expect((await perennial('resume', request, '--follow')).out).toContain('2 × file with other links');
    setting.at.override({ inspectTargets, forgetTargets: async () => undefined });
    const kept = await perennial('resume', request, '--follow');
    expect([kept.code, kept.out]).toEqual([1, expect.stringContaining('2 × file with other links')]);
    expect(await startedWith(request)).toMatchObject({ links: 2 });
    setting.at.override({
      ...{ inspectTargets, forgetTargets },
      settleTombstones: async (work) => void settled.push(work),
      verifyObjects: async (input) => ({
        ...(await happy.verifyObjects(input)),
        remaining: { versions: 1, markers: 0, uploads: 0, bytes: 10 },
        blocked: [{ by: 'object lock', entries: 1, advice: 'wait' }],
      }),
    });
    const said = await perennial('resume', request, '--links-removed', '--follow');
    expect(said.out).not.toContain('file with other links');
    expect(await startedWith(request)).toMatchObject({ links: 2, linksRemoved: true });

    settled.length = 0;
    expect((await perennial('forget', request)).out).toContain('is erased');
    // Its prefixes are not left behind in plain.
    expect(settled).toMatchObject([{ ref: { request } }]);
    const afterwards = (await perennial('status', request)).out;
    expect(afterwards).toContain("can't be resumed");
    expect(afterwards).not.toContain('purge forget');
    expect((await perennial('forget', request)).err).toContain('there is nothing to forget');
    expect((await perennial('resume', request)).err).toContain('is gone');
    await vi.waitUntil(async () => (await perennial('list')).out.includes(`${request.padEnd(8)}`), { timeout: 20_000 });
    expect((await perennial('list', '--limit', 'abc')).code).toBe(2);
    const none = await perennial('status', 'none');
    expect(none.err).toContain('no purge of request none');
    expect(none.err).toContain('purge certificate none --out none.html');
    expect(await perennial('staus', request)).toMatchObject({
      code: 2,
      err: expect.stringContaining('purge status`?'),
    });
    const began = (await perennial('list', '--json'))
      .json<{ purges: { startedAt: string }[] }>()
      .purges.map(({ startedAt }) => startedAt);
    expect(began).toEqual([...began].sort().reverse());
  }, 60_000);

  it('tells of files with other links also where the request is purged anew', async () => {
    const request = mint();
    setting.at.override({
      eraseCopies: async (input) => ({
        ...(await happy.eraseCopies(input)),
        conflicts: { 'file with other links': 2 },
      }),
    });
    expect((await perennial(uri('a.csv'), '--request', request, ...WHY, '--follow')).code).toBe(1);
    setting.at.override({});
    const anew = await perennial(uri('b.csv'), '--request', request, ...WHY, '--follow');
    expect([anew.code, anew.out]).toEqual([1, expect.stringContaining('2 × file with other links')]);
    expect(await startedWith(request)).toMatchObject({ links: 2 });
    setting.at.override({ forgetTargets });
    expect((await perennial('forget', request)).out).toContain('2 lists');
  });

  it('writes the certificate through the bucket of the purge where no storage is declared', async () => {
    const request = mint();
    expect((await perennial(uri('a.csv'), '--request', request, ...WHY, '--follow')).code).toBe(0);
    const asked: unknown[] = [];
    setting.at.override({
      certify: async ({ outputUri, storage }) => {
        asked.push(storage.records.bucket);
        const { bucket: Bucket, key: Key } = parseS3Uri(outputUri);
        const made = {
          version: 1,
          request,
          issuedAt: '',
          executions: [],
          chain: { sequence: 3, head: '' },
          lifted: [],
        };
        await s3.send(new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(made) }));
        return { bytes: 2 };
      },
    });
    const folder = await temporaryFolder({});
    const { code, err } = await perennial('certificate', request, '--out', `${folder}/c.json`);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('it is not signed') as string });
    expect(asked).toEqual([BUCKET]);
    expect(await left()).toBe(0);
  });
});
