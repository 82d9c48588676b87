import { createHmac, randomUUID } from 'node:crypto';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { describe, expect, inject, it } from 'vitest';
import { hashesWith, keyedHashes } from '../../activities/keyed-hashes.js';
import { awsClients } from '../support/aws.js';

const { ssm } = awsClients(inject('aws').endpoint);
const fresh = () => `/test/${randomUUID()}/hmac-key`;

describe('keyed hashes', () => {
  it('makes the key once, whoever comes first, and hashes alike in every worker', async () => {
    const parameter = fresh();
    const workers = await Promise.all([1, 2, 3].map(() => keyedHashes(ssm, parameter)()));
    const hashes = workers.map((worker) => worker.object('bucket', 'a key'));
    expect(new Set(hashes).size).toBe(1);
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter, WithDecryption: true }));
    expect(Parameter?.Type).toBe('SecureString');
    const key = Buffer.from(Parameter?.Value ?? '', 'base64');
    expect(key).toHaveLength(32);
    expect(hashes[0]).toBe(createHmac('sha256', key).update('object\0bucket\0a key').digest('base64url'));
  });

  it('tells kinds, buckets and names apart', () => {
    const hashes = hashesWith(Buffer.alloc(32, 7));
    const all = [
      hashes.object('b', 'k'),
      hashes.prefix('b', 'k'),
      hashes.value('k'),
      hashes.object('b', 'K'),
      hashes.object('bk', ''),
      hashes.object('b', 'e\u0301'),
      hashes.object('b', '\u00e9'),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((hash) => /^[\w-]{43}$/.test(hash))).toBe(true);
  });

  it('refuses a parameter that holds no key, says which, and looks again once it is mended', async () => {
    const parameter = fresh();
    const put = (Value: string, Type: 'String' | 'SecureString') =>
      ssm.send(new PutParameterCommand({ Name: parameter, Value, Type, Overwrite: true }));
    await put('too short', 'SecureString');
    const hashes = keyedHashes(ssm, parameter);
    const refused = await hashes().catch((error: Error) => error.message);
    expect(refused).toContain(parameter);
    expect(refused).toContain('SecureString with 32 bytes in base64');
    expect(refused).not.toContain('too short');
    await put(Buffer.alloc(32, 1).toString('base64'), 'SecureString');
    expect((await hashes()).value('x')).toBe(hashesWith(Buffer.alloc(32, 1)).value('x'));
  });
});
