import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../worker/config.js';
import { createLogger, redact, temporalLogger } from '../../worker/logging.js';

const GOOD = { AWS_REGION: 'us-east-1', DATABASE_URL: 'postgres://u:secret@127.0.0.1/db' };

describe('configuration of the worker', () => {
  it('fills in what is not given', () => {
    expect(readConfig(GOOD)).toMatchObject({
      region: 'us-east-1',
      taskQueue: 'perennial',
      activitySlots: 100,
      logLevel: 'info',
    });
  });

  it('names all faults at once and shows no secret', () => {
    const faulty = {
      DATABASE_URL: 'mysql://u:hunter2@h/db',
      WORKER_ACTIVITY_SLOTS: 'many',
      LOG_LEVEL: 'loud',
      WORKER_HEALTH_ADDRESS: '9464',
    };
    const error = (() => {
      try {
        return readConfig(faulty);
      } catch (caught) {
        return caught as Error;
      }
    })();
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as Error;
    expect(message).toContain('5 faults');
    for (const name of ['AWS_REGION', 'DATABASE_URL', 'WORKER_ACTIVITY_SLOTS', 'LOG_LEVEL', 'WORKER_HEALTH_ADDRESS'])
      expect(message).toContain(name);
    expect(message).not.toContain('hunter2');
  });

  it.each(['ssm:/perennial/database', 'file:/run/secrets/ledger-url'])(
    'takes %s for the database URL too, and reads empty variables as unset',
    (database) => {
      expect(readConfig({ ...GOOD, DATABASE_URL: database, SLACK_API_URL: '' })).toMatchObject({
        database,
        slackApiUrl: undefined,
      });
    },
  );
});

describe('log of the worker', () => {
  it.each([
    ['token xoxb-123-abcDEF sent', 'token xox…[redacted] sent'],
    ['postgres://perennial:pa55@db:5432/x refused', 'postgres://perennial:[redacted]@db:5432/x refused'],
    ['key AKIAABCDEFGHIJKLMNOP', 'key [redacted access key]'],
    ['postgres://:pa55@db/x', 'postgres://:[redacted]@db/x'],
    [String.raw`{"msg":"{\"password\":\"pa55\"}"}`, String.raw`{"msg":"{\"password\":\"[redacted]\"}"}`],
    ['?user=a&password=pa55&x=1', '?user=a&password=[redacted]&x=1'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [redacted]'],
    ['{"token":"abc","n":1}', '{"token":"[redacted]","n":1}'],
  ])('redacts %s', (line, redacted) => expect(redact(line)).toBe(redacted));

  it("writes an error of the SDK's out, and not as an empty object", () => {
    const out = new PassThrough();
    temporalLogger(createLogger('info', out)).warn('Activity failed', { error: new Error('no such bucket') });
    expect(JSON.parse(String(out.read()))).toMatchObject({ error: { message: 'no such bucket' } });
  });

  it('redacts what stands deep in an error', () => {
    const out = new PassThrough();
    const log = createLogger('info', out);
    log.error({ err: new Error('connect postgres://u:pa55@h/db failed') }, 'ledger');
    const line = String(out.read());
    expect(JSON.parse(line)).toMatchObject({ service: 'perennial-worker', msg: 'ledger' });
    expect(line).not.toContain('pa55');
  });
});
