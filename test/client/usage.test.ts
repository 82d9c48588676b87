import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { call } from './terminal.js';

const COMMANDS = [
  'up',
  'down',
  'definition check',
  'definition schema',
  'apply',
  'run',
  'runs',
  'show',
  'cancel',
  'invoke',
  'endpoint delete',
  'schedule list',
  'schedule pause',
  'schedule resume',
  'schedule trigger',
  'ledger rebuild',
];

describe('usage', () => {
  it.each(COMMANDS)('%s: help with an example and --json', async (command) => {
    const { code, out } = await call({}, [...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`$ perennial ${command}`);
    expect(out).toContain('--json');
  });

  it.each(COMMANDS)('docs/cli.md covers %s', async (command) => {
    const page = await readFile(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8');
    expect(page).toContain(`perennial ${command}`);
  });

  it('suggests the command that was meant, and ends with 2', async () => {
    const { code, err } = await call({}, ['aply', 'models/']);
    expect(code).toBe(2);
    expect(err).toContain('Did you mean apply?');
  });

  it.each([
    [['run', 'a', '--folow'], 'Did you mean --follow?'],
    [['runs', '--outcome', 'Deployd'], 'Allowed choices are'],
    [['runs', '--limit', '0'], 'from 1 to 1000'],
    [['up', '--port', 'uii=1'], 'Did you mean ui=…?'],
    [['apply'], "missing required argument 'paths'"],
  ])('refuses %j', async (argv, words) => {
    const { code, err } = await call({}, argv);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});
