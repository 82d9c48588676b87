import { hash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { parseS3Uri } from '../../contracts/names.js';
import { historyText } from '../../bench/support/history-text.js';
import { purgeSetting, WHY } from './purge-setting.js';
import { call, temporaryFolder } from './terminal.js';

const ODD = 'odd \u2028 %20+é\rend';
const KEYS = ['the first of all.csv', 'a b%20+c', ODD, 'the last one/'];
const setting = purgeSetting();
const { bucket: BUCKET, s3, happy, lists, perennial, uri, mint, left, startedWith, inspectTargets } = setting;

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
});
