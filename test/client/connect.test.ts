import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { beforeAll, afterAll, describe, expect, inject, it } from 'vitest';
import { EXIT } from '../../client/errors.js';
import type { ClientEnvironment } from './environment.js';
import { clientEnvironment } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

const NOWHERE = '127.0.0.1:9';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterAll(() => at.close());

describe('connecting', () => {
  it('says in one sentence what to do where nothing answers', async () => {
    const { code, out, err } = await call({ TEMPORAL_ADDRESS: NOWHERE }, ['runs', '--json']);
    expect(code).toBe(EXIT.unreachable);
    expect(err).toContain(`Temporal does not answer at ${NOWHERE}: start local mode with \`perennial up\``);
    expect(err).not.toContain('    at ');
    expect(JSON.parse(out)).toMatchObject({ exitCode: EXIT.unreachable });
  });

  it('names a namespace that does not exist', async () => {
    const env = { TEMPORAL_ADDRESS: inject('temporal').address, TEMPORAL_NAMESPACE: 'nowhere' };
    const { code, err } = await call(env, ['schedule', 'list']);
    expect(code).toBe(EXIT.unreachable);
    expect(err).toContain('set TEMPORAL_NAMESPACE to one that exists');
  });

  it('takes what is not set from .perennial/env, and says so', async () => {
    const folder = await temporaryFolder({});
    await mkdir(join(folder, '.perennial'));
    await writeFile(join(folder, '.perennial', 'env'), `TEMPORAL_ADDRESS='${NOWHERE}'\nAWS_REGION='us-east-1'\n`);
    const env: NodeJS.ProcessEnv = { AWS_REGION: 'eu-west-1' };
    const { err } = await call(env, ['schedule', 'list'], { terminal: { cwd: folder } });
    expect(err).toContain(`using local mode`);
    expect(err).toContain(NOWHERE);
    expect(env).toMatchObject({ AWS_REGION: 'eu-west-1', TEMPORAL_ADDRESS: NOWHERE });
  });

  it('takes no half of .perennial/env: the default address may be another stack', async () => {
    const folder = await temporaryFolder({});
    await mkdir(join(folder, '.perennial'));
    await writeFile(join(folder, '.perennial', 'env'), `TEMPORAL_ADD`);
    const { code, err } = await call({}, ['schedule', 'list'], { terminal: { cwd: folder } });
    expect(code).toBe(EXIT.unreachable);
    expect(err).toContain('names no TEMPORAL_ADDRESS. `perennial down` and `perennial up` write it anew');
  });

  it('leaves .perennial/env alone where Temporal is configured', async () => {
    const { err, code } = await call({ ...at.env }, ['schedule', 'list']);
    expect({ err, code }).toEqual({ err: '', code: 0 });
  });

  it('says at once that no worker listens', async () => {
    const folder = await temporaryFolder({
      'a.yaml':
        'name: lonely\nrole: arn:aws:iam::123456789012:role/r\ndata: { bucket: my-bucket }\ntraining: { algorithm: linear-learner }\n',
    });
    const { code, err } = await call({ ...at.env, PERENNIAL_TASK_QUEUE: 'nobody' }, ['apply', folder]);
    expect(code).toBe(EXIT.unreachable);
    expect(err).toContain('no worker listens on task queue "nobody"');
    const connection = await Connection.connect({ address: inject('temporal').address });
    const { namespace } = at.client.options;
    const entity = new Client({ connection, namespace }).workflow.getHandle('model/lonely');
    await expect(entity.describe()).rejects.toThrow(/not found/i);
    await connection.close();
  });
});
