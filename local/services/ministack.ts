import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packagePath } from '../paths.js';
import { installed } from '../tools/install.js';
import { makeStateChangeQueue } from './state-changes.js';
import { answers, plainEnv, type ProcessSpec, type ServiceContext } from './service.js';

export const AWS_REGION = 'us-east-1';
/** MiniStack's root key. */
export const AWS_KEY = 'test';

/**
 * MiniStack: S3, KMS, SSM, SQS and EventBridge on one port.
 *
 * It writes everything but S3's objects only when it is asked to stop: after a crash, what it loads is older than the objects.
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
    readyWithinMs: 30_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 20_000,
    async ready() {
      if (!(await answers(`${endpoint}/_ministack/health`))) return false;
      // After every start: one that was killed has lost its queues.
      await makeStateChangeQueue(endpoint, { region: AWS_REGION, key: AWS_KEY });
      return true;
    },
    async beforeStart(crashed) {
      if (!ctx.persist) return;
      await Promise.all([mkdir(stateDir, { recursive: true }), mkdir(objectsDir, { recursive: true })]);
      if (crashed) {
        ctx.say(
          'MiniStack was killed the last time: the objects in S3 are all there, but keys, parameters, queues and versioning settings made ' +
            `since its last clean stop are lost. Apply your definitions again, or delete ${ctx.dir} to begin with an empty account.`,
        );
      }
    },
  };
}
