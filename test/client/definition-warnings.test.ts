import { join } from 'node:path';
import { expect, it } from 'vitest';
import { warningsOf } from '../../client/definition/warnings.js';
import { exampleDefinition } from '../support/definitions.js';
import { call, temporaryFolder } from './terminal.js';

const CANARY = { strategy: 'canary', step: { percent: 10 } } as const;

it.each([
  ['a canary without alarms', CANARY, ['canary']],
  ['linear without alarms', { ...CANARY, strategy: 'linear' as const }, ['linear']],
  ['a canary with alarms', { ...CANARY, alarms: ['a'] }, []],
  ['all at once', {}, []],
])('warns of %s as it should', (_what, endpoint, words) => {
  const warnings = warningsOf(exampleDefinition({ endpoint }));
  expect(warnings).toHaveLength(words.length);
  words.forEach((word, index) =>
    expect(warnings[index]).toMatch(new RegExp(`nothing takes a bad ${word} release back`)),
  );
});

it('is no fault: the check says it on stderr, and in its JSON', async () => {
  const folder = await temporaryFolder({
    'a.yaml': `name: house-prices
role: arn:aws:iam::123456789012:role/sagemaker-execution
data: { bucket: my-bucket }
training: { algorithm: linear-learner }
endpoint: { strategy: canary, step: { percent: 10 } }
`,
  });
  const file = join(folder, 'a.yaml');
  const { code, err, json } = await call({}, ['definition', 'check', file, '--json']);
  expect(code).toBe(0);
  expect(err).toContain(`${file}: warning: endpoint.alarms names none`);
  const answer = json<{ ok: boolean; warnings: { model: string; warning: string }[] }>();
  expect(answer).toMatchObject({ ok: true, warnings: [{ model: 'house-prices' }] });
});
