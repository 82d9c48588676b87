import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environment, finish, image, makeBase, serve, train } from './linear-learner-program.js';

const json = { 'content-type': 'application/json' };
const lines = { 'content-type': 'application/jsonlines' };
const csv = { 'content-type': 'text/csv' };

/** A trained model: y = 1 + 2a + 3b, or for the classifier whether a is above 2. */
async function trained(predictor: string, data: string) {
  const job = await makeBase({ predictor_type: predictor }, { 'input/data/train/a.csv': data });
  const { code, log } = await train(job.base, { TRAINING_JOB_NAME: `${predictor.replace('_', '-')}-7` });
  if (code !== 0) throw new Error(log);
  return job;
}

describe('serving', () => {
  let job: Awaited<ReturnType<typeof makeBase>>;
  let endpoint: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    job = await trained('regressor', '1,0,0\n3,1,0\n4,0,1\n6,1,1\n');
    endpoint = await serve(job.base);
  });
  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await job[Symbol.asyncDispose]();
  });

  const scores = async (answer: Response) =>
    ((await answer.json()) as { predictions: { score: number }[] }).predictions.map(({ score }) =>
      Number(score.toFixed(9)),
    );

  it('answers each request format, naming the model', async () => {
    const answer = await endpoint.invoke('1,1\n2,0\n');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-amzn-sagemaker-custom-attributes')).toBe('model=regressor-7');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await scores(answer)).toEqual([6, 5]);
    const instances = [{ features: [1, 1] }, { data: { features: { values: [2, 0] } } }];
    expect(await scores(await endpoint.invoke(JSON.stringify({ instances }), json))).toEqual([6, 5]);
    const text = instances.map((one) => JSON.stringify(one)).join('\n');
    expect(await scores(await endpoint.invoke(`${text}\n`, lines))).toEqual([6, 5]);
    expect(await scores(await endpoint.invoke('1,1', { 'content-type': 'text/csv; charset=utf-8' }))).toEqual([6]);
  });

  it('answers in the format asked for', async () => {
    const ask = async (accept: string) => (await endpoint.invoke('0,0\n0,1\n', { ...csv, accept })).text();
    const asLines = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { score: number });
    expect(asLines(await ask('application/jsonlines'))).toEqual([
      { score: expect.closeTo(1) },
      { score: expect.closeTo(4) },
    ]);
    expect((await ask('text/csv')).trim().split('\n').map(Number)).toEqual([expect.closeTo(1), expect.closeTo(4)]);
    for (const accept of ['*/*', 'application/*', 'text/html;q=0.9, application/json;q=0.1, image/png;q=0']) {
      expect(JSON.parse(await ask(accept))).toHaveProperty('predictions');
    }
  });

  it('adds the label for a classifier', async () => {
    await using other = await trained('binary_classifier', '0,1\n0,2\n1,2\n0,2\n1,3\n0,3\n1,3\n1,4\n');
    await using classifier = await serve(other.base);
    const answer = (await (await classifier.invoke('1\n4\n')).json()) as { predictions: unknown[] };
    expect(answer.predictions).toEqual([
      { score: expect.any(Number), predicted_label: 0 },
      { score: expect.any(Number), predicted_label: 1 },
    ]);
    expect(await (await classifier.invoke('4\n', { ...csv, accept: 'text/csv' })).text()).toMatch(/^0\.\d+,1\n$/);
  });

  it.each([
    ['a word', '1,1\nx,2\n', csv, 400, "line 2: value 1 is 'x'"],
    ['the label', '6,1,1\n', csv, 400, 'line 1: 3 values, the model takes 2 features. Is the label still there?'],
    ['too few values', '1\n', csv, 400, 'line 1: 1 values'],
    ['broken JSON', '{', json, 400, 'not valid JSON'],
    ['JSON without instances', '[]', json, 400, '{"instances": [{"features": [...]}]}'],
    [
      'a null feature',
      '{"instances":[{"features":[1,2]},{"features":[1,null]}]}',
      json,
      400,
      'instance 2: feature 2 is null',
    ],
    ['a broken line', '{"features":[1,1]}\n{"features"\n', lines, 400, 'line 2: not valid JSON'],
    ['a line without features', '{"values":[1]}\n', lines, 400, 'line 1: no "features" array'],
    ['another content type', '1,1', { 'content-type': 'text/plain' }, 415, 'send text/csv, application/json'],
    ['an inherited name as content type', '1,1', { 'content-type': 'constructor' }, 415, 'not supported'],
    ['another accept', '1,1', { ...csv, accept: 'image/png' }, 406, 'Accept image/png is not supported'],
    ['a body over 6 MB', '1,1\n'.repeat(1_572_865), csv, 413, 'at most 6291456 are taken'],
  ])('refuses %s', async (_name, body, headers: Record<string, string>, status, message) => {
    const answer = await endpoint.invoke(body, headers);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { error: string }).error).toContain(message);
  });

  it('answers 204 to nothing, and only its own routes', async () => {
    expect((await endpoint.invoke('\n')).status).toBe(204);
    expect((await fetch(`${endpoint.url}/other`)).status).toBe(404);
    expect((await fetch(`${endpoint.url}/invocations`)).status).toBe(405);
    const parameters = await (await fetch(`${endpoint.url}/execution-parameters`)).json();
    expect(parameters).toMatchObject({ BatchStrategy: 'MULTI_RECORD', MaxPayloadInMB: 6 });
  });

  it('takes 100 MB at a time in a batch transform', async () => {
    await using batch = await serve(job.base, { SAGEMAKER_BATCH: 'true' });
    const body = `{"instances":[{"features":[1,1]}]}${' '.repeat(6_291_456)}`;
    expect(await scores(await batch.invoke(body, json))).toEqual([6]);
    expect((await endpoint.invoke(body, json)).status).toBe(413);
  });

  it('ends with a reason when there is no model', async () => {
    await using empty = await makeBase({});
    const child = spawn(join(image, 'serve'), { env: environment(empty.base, { SAGEMAKER_BIND_TO_PORT: '0' }) });
    const { code, log } = await finish(child);
    expect(code).toBe(1);
    expect(log).toContain(`No usable model at ${join(empty.base, 'model/model.json')}`);
  });

  it('loses no request of kept-alive connections when it is stopped', async () => {
    await using stopped = await serve(job.base);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const send = () =>
      new Promise<{ status: number | undefined; closes: boolean }>((resolve, reject) => {
        const options = {
          port: stopped.port,
          host: '127.0.0.1',
          path: '/invocations',
          method: 'POST',
          headers: csv,
          agent,
        };
        const out = request(options, (answer) => {
          const closes = answer.headers.connection === 'close';
          answer.resume().on('end', () => resolve({ status: answer.statusCode, closes }));
        });
        out.on('error', reject);
        // In two parts, so that at SIGTERM some requests have begun and are not complete.
        out.write('1,1\n');
        setTimeout(() => out.end('2,2\n'), 30);
      });
    await Promise.all(Array.from({ length: 8 }, send));
    const underWay = Array.from({ length: 8 }, send);
    await new Promise((resolve) => setTimeout(resolve, 10));
    stopped.child.kill('SIGTERM');
    const last = await Promise.all(underWay);
    expect(last.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    // A client that has not heard of the stop still gets its answer, and is told to go.
    expect(await send()).toEqual({ status: 200, closes: true });
    expect((await stopped.ended).code).toBe(0);
    agent.destroy();
  });
});
