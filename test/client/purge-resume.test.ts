import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it, vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { PurgeWork } from '../../contracts/purge/index.js';
import { raise } from '../support/scripted-activities.js';
import { purgeSetting, WHY } from './purge-setting.js';
import { temporaryFolder } from './terminal.js';

const setting = purgeSetting();
const { bucket: BUCKET, s3, happy, perennial, uri, mint, left, startedWith, inspectTargets, forgetTargets } = setting;

/** Some of what goes on the mounts had other names. */
const linked: Partial<Activities> = {
  eraseCopies: async (input) => ({
    ...(await happy.eraseCopies(input)),
    conflicts: { 'file with other links': 2 },
  }),
};

describe('a purge that goes on', () => {
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
    const locked: Partial<Activities> = {
      ...{ inspectTargets, forgetTargets },
      settleTombstones: async (work) => void settled.push(work),
      verifyObjects: async (input) => ({
        ...(await happy.verifyObjects(input)),
        remaining: { versions: 1, markers: 0, uploads: 0, bytes: 10 },
        blocked: [{ by: 'object lock', entries: 1, until: '2030-01-01T00:00:00.000Z', advice: 'wait' }],
      }),
    };
    setting.at.override(locked);
    const blocked = await perennial('resume', request, '--follow');
    expect([blocked.code, blocked.out]).toEqual([1, expect.stringContaining('Blocked: erased 5 versions')]);
    expect(blocked.out).toContain('1 by object lock until 2030-01-01 00:00:00 UTC: wait');
    const status = await perennial('status', request, '--json');
    expect(status.json()).toMatchObject({ state: 'Blocked', result: { outcome: 'Blocked' } });
    expect((await startedWith(request)).since).toMatch(/^\d{4}-/);
    expect(await startedWith(request)).not.toHaveProperty('links');
    expect((await perennial('resume', request, '--links-removed')).err).toContain('leave out --links-removed');

    // Names that nobody finds by the path any more: told from execution to execution, until somebody says that they are gone.
    setting.at.override({ ...linked, inspectTargets, forgetTargets: async () => undefined });
    expect((await perennial('resume', request, '--follow')).out).toContain('2 × file with other links');
    setting.at.override({ inspectTargets, forgetTargets: async () => undefined });
    const kept = await perennial('resume', request, '--follow');
    expect([kept.code, kept.out]).toEqual([1, expect.stringContaining('2 × file with other links')]);
    expect(await startedWith(request)).toMatchObject({ links: 2 });
    setting.at.override(locked);
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
    setting.at.override(linked);
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
