import { expect, it } from 'vitest';
import { hardships, playAll } from '../../bench/support/purge/campaign.js';
import { withCampaign } from '../../bench/support/campaign/setting.js';

/** Of the campaign `purge-faults`: what passes within seconds. */
const QUICK = [
  'InternalError for every key, once',
  'a lie: "deleted", and still there, once',
  'AccessDenied for single keys',
  'a legal hold',
];

it('a purge ends as it should, and as Purged only with nothing left, however S3 answers', async () => {
  const plights = hardships().filter(({ name }) => QUICK.includes(name));
  const context = {
    say: (line: string) => void process.stderr.write(`${line}\n`),
    signal: new AbortController().signal,
  };
  const played = await withCampaign(context, (setting) => playAll(setting, 2, plights));
  expect(played.filter(({ problems }) => problems.length > 0)).toEqual([]);
  expect(Object.fromEntries(played.map(({ plight, ends }) => [plight, ends]))).toEqual({
    'InternalError for every key, once': ['Purged'],
    'a lie: "deleted", and still there, once': ['Purged'],
    'AccessDenied for single keys': ['Blocked', 'Purged'],
    'a legal hold': ['Blocked', 'Purged'],
  });
}, 300_000);
