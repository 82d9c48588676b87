import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { packagePath } from '../../local/paths.js';
import { installed } from '../../local/tools/install.js';
import { withStack } from '../support/stack.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

/** The last line that bench/boto3/run.py prints. */
const Report = z.object({ checks: z.array(z.looseObject({ name: z.string(), ok: z.boolean() })).min(1) });

export const boto3: Scenario = {
  name: 'boto3',
  what: 'boto3 against the local SageMaker: train, deploy, invoke, transform by a short script',
  unit: 'failed checks',
  limit: 0,
  bound: 'at most',
  measure: (context) => withStack(context, (stack) => measure(context, stack), ['aws', 'sagemaker']),
};

async function measure({ say, signal }: BenchContext, { env }: LocalStack): Promise<Measured> {
  const { python, env: toolEnv } = await installed('boto3', say);
  const child = spawn(python, [packagePath('bench', 'boto3', 'run.py')], {
    env: { PATH: process.env['PATH'], ...toolEnv, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [output, code] = await Promise.all([text(child.stdout), ended]);
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{'))
    throw new Error(`bench/boto3/run.py ended with code ${code} and without a report: ${last}`);
  const { checks } = Report.parse(JSON.parse(last));
  const failed = checks.filter(({ ok }) => !ok).length;
  return { figure: failed, ok: failed === 0 && code === 0, detail: { exitCode: code, checks } };
}
