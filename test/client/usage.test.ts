import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { call } from './terminal.js';

const PROGRAM = fileURLToPath(new URL('../../bin/perennial.mjs', import.meta.url));

const COMMANDS = [
  'up',
  'down',
  'definition check',
  'definition schema',
  'image build',
  'image push',
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
    [['up', '--state-dir', ''], '--state-dir needs a folder'],
  ])('refuses %j, with --json as JSON too', async (argv, words) => {
    const { code, err } = await call({}, argv);
    expect(code).toBe(2);
    expect(err).toContain(words);
    const asked = await call({}, [...argv, '--json']);
    expect(asked.json<object>()).toMatchObject({ error: expect.stringContaining(words), exitCode: 2 });
  });

  it('outlives a reader that has left', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'definition', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });
});
