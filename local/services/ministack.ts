import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packagePath } from '../paths.js';
import { installed } from '../tools/install.js';
import { makeAuditResources } from './audit.js';
import { makeStateChangeQueue } from './state-changes.js';
import { answers, plainEnv, responds, type ProcessSpec, type ServiceContext } from './service.js';

export const AWS_REGION = 'us-east-1';
/** MiniStack's root key. */
export const AWS_KEY = 'test';

/**
 * MiniStack: S3, KMS, SSM, SQS and EventBridge on one port. What it answered is there again after it was killed (`aws_emulator.py`), but
 * for messages in queues and uploads in parts that were under way.
 *
 * @throws Error with a sentence if Python is missing or pip fails
 */
export async function ministackService(ctx: ServiceContext, port: number): Promise<ProcessSpec> {
  const set = await installed('ministack', ctx.say, ctx.signal);
  const stateDir = join(ctx.dir, 'state');
  const objectsDir = join(ctx.dir, 'objects');
  const endpoint = `http://127.0.0.1:${port}`;
  const keep = ctx.persist ? '1' : '0';
  return {
    name: 'aws',
    command: set.python,
    args: [packagePath('local', 'services', 'aws_emulator.py')],
    env: {
      ...plainEnv(),
      ...set.env,
      // Its folder is the source tree's.
      PYTHONDONTWRITEBYTECODE: '1',
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      SFTP_ENABLED: '0',
      IOT_MTLS_ENABLED: '0',
      LOG_LEVEL: 'WARNING',
      MINISTACK_REGION: AWS_REGION,
      PERSIST_STATE: keep,
      S3_PERSIST: keep,
      STATE_DIR: stateDir,
      S3_DATA_DIR: objectsDir,
    },
    alive: () => responds(`${endpoint}/_ministack/health`),
    readyWithinMs: 30_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 20_000,
    async ready() {
      if (!(await answers(`${endpoint}/_ministack/health`))) return false;
      // After every start: the first, and one with a state from before there were these.
      const account = { region: AWS_REGION, key: AWS_KEY };
      await Promise.all([makeStateChangeQueue(endpoint, account), makeAuditResources(endpoint, account)]);
      return true;
    },
    async beforeStart(crashed) {
      if (ctx.persist)
        await Promise.all([mkdir(stateDir, { recursive: true }), mkdir(objectsDir, { recursive: true })]);
      else if (crashed)
        ctx.say('MiniStack was killed, and keeps nothing beyond its process here: its account is empty.');
    },
  };
}
