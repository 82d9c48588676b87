import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baseUrl } from '../../local/addresses.js';
import { configFromEnv as redshiftConfig } from '../../local/redshift/config.js';
import { configFromEnv as sagemakerConfig } from '../../local/sagemaker/config.js';
import { startSageMaker } from '../../local/sagemaker/server.js';
import { configFromEnv as slackConfig } from '../../local/slack/config.js';
import { startSlackSink } from '../../local/slack/server.js';
import { temporaryFolder } from '../support/local.js';

const SERVER = 'postgres://admin:very-secret@database:5432/postgres';
const sagemaker = (env: NodeJS.ProcessEnv = {}) => sagemakerConfig({ SAGEMAKER_LOCAL_STATE_DIR: '/state', ...env });
const slack = (env: NodeJS.ProcessEnv = {}) =>
  slackConfig({ SLACK_SINK_PORT: '0', SLACK_SINK_FILE: '/messages', ...env });
const redshift = (env: NodeJS.ProcessEnv = {}) =>
  redshiftConfig({ REDSHIFT_LOCAL_STATE_DIR: '/state', REDSHIFT_LOCAL_SERVER_URL: SERVER, ...env });

describe('parts of local mode', () => {
  it('listen on loopback alone unless told otherwise', () => {
    expect(sagemaker()).toMatchObject({ host: '127.0.0.1' });
    expect(slack()).toMatchObject({ host: '127.0.0.1' });
    expect(redshift()).toMatchObject({ host: '127.0.0.1', address: '127.0.0.1', serverUrl: SERVER });
    const everywhere = { host: '0.0.0.0' };
    expect(sagemaker({ SAGEMAKER_LOCAL_HOST: '0.0.0.0' })).toMatchObject(everywhere);
    expect(slack({ SLACK_SINK_HOST: '0.0.0.0' })).toMatchObject(everywhere);
    expect(redshift({ REDSHIFT_LOCAL_HOST: '0.0.0.0', REDSHIFT_LOCAL_ADDRESS: 'redshift' })).toMatchObject({
      ...everywhere,
      address: 'redshift',
    });
  });

  it('that drive an engine know its network and volume only where they are named', () => {
    const engine = { SAGEMAKER_LOCAL_ENGINE: 'docker', SAGEMAKER_LOCAL_ENGINE_NETWORK: '' };
    expect(sagemaker(engine).engine).toMatchObject({ network: undefined, volume: undefined });
    const named = { SAGEMAKER_LOCAL_ENGINE_NETWORK: 'net', SAGEMAKER_LOCAL_ENGINE_VOLUME: 'state' };
    expect(sagemaker({ ...engine, ...named }).engine).toMatchObject({ network: 'net', volume: 'state' });
  });

  it('name every fault', () => {
    expect(() => sagemaker({ SAGEMAKER_LOCAL_HOST: 'localhost', SAGEMAKER_LOCAL_PORT: 'x' })).toThrow(
      /is no IP address[^]*SAGEMAKER_LOCAL_HOST[^]*SAGEMAKER_LOCAL_PORT/,
    );
    expect(() => slack({ SLACK_SINK_HOST: '', SLACK_SINK_PORT: '70000' })).toThrow(
      /the Slack sink's environment is wrong[^]*SLACK_SINK_HOST[^]*SLACK_SINK_PORT/,
    );
    expect(() => redshift({ REDSHIFT_LOCAL_HOST: '1.2.3', REDSHIFT_LOCAL_ADDRESS: 'a b' })).toThrow(
      /is no IP address[^]*REDSHIFT_LOCAL_HOST[^]*is neither a host name nor an IPv4 address[^]*REDSHIFT_LOCAL_ADDRESS/,
    );
  });

  it.each([
    ['redshift', true],
    ['my_redshift-1.internal', true],
    ['10.0.0.7', true],
    ['10.0.0.700', false],
    ['-redshift', false],
    ['redshift:5439', false],
    ['http://redshift', false],
    ['', false],
  ])('take %j for the address of the local Redshift: %s', (REDSHIFT_LOCAL_ADDRESS, isOne) => {
    if (isOne) expect(redshift({ REDSHIFT_LOCAL_ADDRESS }).address).toBe(REDSHIFT_LOCAL_ADDRESS);
    else expect(() => redshift({ REDSHIFT_LOCAL_ADDRESS })).toThrow(/REDSHIFT_LOCAL_ADDRESS/);
  });

  it.each([
    ['127.0.0.1', 'http://127.0.0.1:80'],
    ['0.0.0.0', 'http://127.0.0.1:80'],
    ['10.0.0.7', 'http://10.0.0.7:80'],
    ['::', 'http://[::1]:80'],
    ['fd00::7', 'http://[fd00::7]:80'],
  ])('that listen on %s are reached from there at %s', (host, url) => {
    expect(baseUrl(host, 80)).toBe(url);
  });

  it('answer at the URL that they tell, wherever they listen', async () => {
    const folder = await temporaryFolder();
    const config = sagemaker({ SAGEMAKER_LOCAL_HOST: '0.0.0.0', SAGEMAKER_LOCAL_STATE_DIR: folder });
    const server = await startSageMaker(config, { env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } });
    expect((await fetch(`${server.url}/_local/health`)).status).toBe(200);
    await server.close();
    const sink = await startSlackSink(slack({ SLACK_SINK_HOST: '127.0.0.2', SLACK_SINK_FILE: join(folder, 'm') }));
    expect((await fetch(`http://127.0.0.2:${sink.port}/_local/health`)).status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${sink.port}/_local/health`)).rejects.toThrow();
    await sink.close();
    const elsewhere = { ...config, host: '192.0.2.1' };
    const env = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
    await expect(startSageMaker(elsewhere, { env })).rejects.toThrow(
      '192.0.2.1 is no address of this machine: set SAGEMAKER_LOCAL_HOST to one',
    );
  });
});

describe("the URL of the local Redshift's database", () => {
  const fromFile = async (text: string) => {
    const file = join(await temporaryFolder(), 'url');
    await writeFile(file, text);
    return redshift({ REDSHIFT_LOCAL_SERVER_URL: `file:${file}` }).serverUrl;
  };

  it('is read from a file', async () => {
    expect(await fromFile(SERVER)).toBe(SERVER);
    expect(await fromFile(`${SERVER}\n`)).toBe(SERVER);
  });

  it('is never told by what is wrong with it', async () => {
    for (const text of ['very-secret', 'http://admin:very-secret@database', 'postgres://a:very-secret@[', '']) {
      const error = await fromFile(text).catch((caught: Error) => caught);
      expect(String(error)).toMatch(/REDSHIFT_LOCAL_SERVER_URL/);
      expect(String(error)).toMatch(/does not hold the URL of a PostgreSQL \(postgres:\/\/…\): file:\//);
      expect(String(error)).not.toContain('very-secret');
    }
    expect(() => redshift({ REDSHIFT_LOCAL_SERVER_URL: 'mysql://a:very-secret@b' })).toThrow(
      /^(?![^]*very-secret)[^]*is no URL of a PostgreSQL/,
    );
  });

  it('in a file that is not there is a fault of its own', async () => {
    const missing = join(await temporaryFolder(), 'missing');
    expect(() => redshift({ REDSHIFT_LOCAL_SERVER_URL: `file:${missing}` })).toThrow(
      new RegExp(`names a file that can't be read: file:${missing} .*ENOENT`),
    );
  });
});
