import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkDefinitions } from '../../client/definition/check.js';
import { renderFaults } from '../../client/definition/fault.js';
import { applySettings } from '../../client/definition/set.js';
import { exampleDefinition } from '../support/definitions.js';
import { temporaryFolder } from './terminal.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/definitions/', import.meta.url));
const VALID = `name: house-prices
role: arn:aws:iam::123456789012:role/sagemaker-execution
data: { bucket: my-bucket }
training: { algorithm: linear-learner }
`;

interface Expected {
  readonly line: number;
  readonly path: string;
  readonly parts: readonly string[];
}

const expected = JSON.parse(await readFile(join(FIXTURES, 'expected.json'), 'utf8')) as Record<string, Expected[]>;

async function checkTexts(texts: Record<string, string>) {
  const folder = await temporaryFolder(texts);
  const result = await checkDefinitions(Object.keys(texts).map((file) => join(folder, file)));
  return result.faults.map((fault) => ({ ...fault, file: relative(folder, fault.file) }));
}

describe('definition check', () => {
  it('has an expectation for every fixture', async () => {
    const files = (await readdir(FIXTURES)).filter((file) => file.endsWith('.yaml'));
    expect(files.sort()).toEqual(Object.keys(expected).sort());
  });

  it.each(Object.entries(expected))('%s: every fault, at its place, with what to do', async (file, faults) => {
    const result = await checkDefinitions([join(FIXTURES, file)]);
    expect(result.models).toEqual([]);
    expect(result.faults.map(({ line, path }) => ({ line, path }))).toEqual(
      faults.map(({ line, path }) => ({ line, path })),
    );
    result.faults.forEach((fault, index) => {
      const text = renderFaults([fault]);
      for (const part of faults[index]?.parts ?? []) expect(text).toContain(part);
      expect(text).not.toMatch(/Invalid input|expected .* received|undefined|\[object|Unrecognized|NaN/);
    });
  });

  it('never repeats a token', async () => {
    const { faults } = await checkDefinitions([join(FIXTURES, 'token-in-definition.yaml')]);
    expect(renderFaults(faults)).not.toContain('SECRET');
  });

  it('takes a valid file, with anchors, comments and the line for editors', async () => {
    const faults = await checkTexts({
      'a.yaml': `# yaml-language-server: $schema=perennial.schema.json\n${VALID}network: # private\n  subnets: &ids [subnet-1]\n  securityGroups: [sg-1]\n`,
    });
    expect(faults).toEqual([]);
  });

  it('says of what cannot be read why', async () => {
    const folder = await temporaryFolder({ 'readme.txt': 'no definition' });
    const { faults } = await checkDefinitions([join(folder, 'absent.yaml'), folder]);
    expect(faults.map(({ message }) => message).sort()).toEqual([
      'no .yaml file in this folder',
      'no such file or folder',
    ]);
  });

  it('finds models that would get in each other’s way, once a pair and cause', async () => {
    const other = VALID.replace('house-prices', 'other').replace('my-bucket', 'my-bucket, parameter: /p');
    const faults = await checkTexts({
      'a.yaml': `${VALID}endpoint: { name: shared }\n`,
      'b.yaml': `${other}endpoint: { name: shared }\n`,
      'c.yaml': VALID,
      'd.yaml': other.replace('name: other', 'name: third'),
    });
    expect(faults.map(({ file, line, path }) => `${file}:${line} ${path}`)).toEqual([
      'b.yaml:5 endpoint.name',
      'c.yaml:1 name',
      'd.yaml:3 data.parameter',
    ]);
    expect(faults[0]?.message).toContain('a.yaml');
  });
});

describe('--set', () => {
  const set = (...settings: string[]) => {
    const result = applySettings(exampleDefinition(), settings);
    return 'faults' in result ? renderFaults(result.faults) : result.definition;
  };

  it('reads values as YAML and puts them in place', () => {
    const definition = set(
      'training.hyperparameters.wd=0.1',
      'training.hyperparameters.dotted.key=true',
      'training.instances=[ml.m5.xlarge, ml.m5.large]',
      'data.window=P1Y',
    );
    expect(definition).toMatchObject({
      training: { hyperparameters: { wd: 0.1, 'dotted.key': true }, instances: ['ml.m5.xlarge', 'ml.m5.large'] },
      data: { window: 'P1Y' },
    });
  });

  it('leaves the definition it was given as it is', () => {
    const definition = exampleDefinition();
    applySettings(definition, ['training.count=2', 'training.hyperparameters.wd=1']);
    expect(definition).toEqual(exampleDefinition());
  });

  it.each([
    ['training.instnces=[ml.m5.large]', 'did you mean training.instances?'],
    ['training.count=many', 'training.count must be a number, not text'],
    ['training.count=0', 'must be at least 1'],
    ['training.image=a:1', 'one of the two'],
    ['zzzzzzzz.a=1', 'known here: name, role'],
    ['name=other', 'cannot be set for one run'],
    ['training.count', 'has no key or no ='],
    ['evaluation.metric=rmse', 'which rows to judge on: holdout or channel'],
    ['role.name=x', 'takes no keys below it'],
  ])('refuses %s', (setting, words) => {
    const text = set(setting);
    expect(text).toContain(words);
    expect(text).toContain(`--set ${setting}`);
  });

  it.each([
    ['notify.slack.token=xoxb-1', '--set notify.slack.token=(hidden: it may be a secret): '],
    [`training.count=${'9'.repeat(200)}`, '--set training.count=1e+200: '],
    [`training.count=${'x'.repeat(200)}`, `--set training.count=${'x'.repeat(79)}…: `],
  ])('shows %s without secrets and at a readable length', (setting, words) => {
    expect(set(setting)).toContain(words);
  });
});
