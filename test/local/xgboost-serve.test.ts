import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from './linear-learner-program.js';
import { makeBase, python, rows, serve, start, train } from './xgboost-program.js';

const csv = { 'content-type': 'text/csv' };
const body = rows(300, 3).replace(/^[^,]*,/gm, '');

/** A trained model; `settings` replace the regression's. */
async function trained(settings: Record<string, string> = {}, label?: (x: number[]) => number) {
  const job = await makeBase({ num_round: '10', ...settings }, { 'train/a.csv': rows(0, 200, label) });
  const { code, log } = await train(job.base, { TRAINING_JOB_NAME: 'houses-7' });
  if (code !== 0) throw new Error(log);
  return job;
}

/** What the package itself predicts for rows of features. */
async function predict(base: string, text: string): Promise<number[]> {
  const program = `import io, json, sys, numpy as np, xgboost
rows = np.genfromtxt(io.StringIO(sys.argv[2]), delimiter=",", ndmin=2)
print(json.dumps(xgboost.Booster(model_file=sys.argv[1]).predict(xgboost.DMatrix(rows)).tolist()))`;
  return JSON.parse(await python('-c', program, join(base, 'model/xgboost-model'), text)) as number[];
}

describe('serving', () => {
  let job: Awaited<ReturnType<typeof makeBase>>;
  let endpoint: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    job = await trained();
    endpoint = await serve(job.base);
  }, 600_000);
  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await job[Symbol.asyncDispose]();
  });

  it("answers the package's own predictions, one a line, naming the model", async () => {
    const answer = await endpoint.invoke(body);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/csv');
    expect(answer.headers.get('x-amzn-sagemaker-custom-attributes')).toBe('model=houses-7');
    const text = await answer.text();
    expect(text).toMatch(/^([\d.]+\n){3}$/);
    expect(text.trim().split('\n').map(Number)).toEqual(await predict(job.base, body));
  });

  it('takes missing values', async () => {
    const holes = '0.5,,0.5,0.5\n,,,\n0.1,nan,0.1,0.1\n';
    const text = await (await endpoint.invoke(holes)).text();
    // A line of nothing but missing values is a row too.
    expect(text.trim().split('\n').map(Number)).toEqual(await predict(job.base, holes));
  });

  it('answers in the format asked for', async () => {
    const expected = await predict(job.base, body);
    for (const accept of ['application/json', 'text/html;q=0.9, application/json;q=0.8, text/csv;q=0.1']) {
      const answer = await endpoint.invoke(body, { ...csv, accept });
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(await answer.json()).toEqual({ predictions: expected.map((score) => ({ score })) });
    }
    for (const accept of ['*/*', 'text/*', 'text/csv; charset=utf-8']) {
      expect((await endpoint.invoke(body, { ...csv, accept })).headers.get('content-type')).toBe('text/csv');
    }
  });

  it.each([
    ['a word', '0.1,0.2,0.3,0.4\n1,2,x,4\n', csv, 400, "line 2: value 3 is 'x'"],
    ['the label', '6,1,1,1,1\n', csv, 400, 'Rows of 5 values, the model takes 4 features. Is the label still there?'],
    ['too few values', '1\n', csv, 400, 'Rows of 1 values'],
    ['a ragged row', '1,2,3,4\n1,2,3\n', csv, 400, 'line 2: 3 values, the rows before have 4'],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x2c]), csv, 400, 'not CSV of numbers'],
    ['another content type', '1,2,3,4', { 'content-type': 'application/json' }, 415, 'send text/csv'],
    ['another accept', '1,2,3,4', { ...csv, accept: 'image/png' }, 406, 'Accept image/png is not supported'],
    ['a body over 6 MB', '1,2,3,4\n'.repeat(786_433), csv, 413, 'at most 6291456 are taken'],
  ])('refuses %s', async (_name, sent, headers: Record<string, string>, status, message) => {
    const answer = await endpoint.invoke(sent, headers);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { error: string }).error).toContain(message);
  });

  it('answers 204 to nothing, and only its own routes', async () => {
    expect((await endpoint.invoke('')).status).toBe(204);
    expect((await endpoint.invoke('\n')).status).toBe(204);
    expect((await fetch(`${endpoint.url}/other`)).status).toBe(404);
    expect((await fetch(`${endpoint.url}/invocations`)).status).toBe(405);
    const parameters = await (await fetch(`${endpoint.url}/execution-parameters`)).json();
    expect(parameters).toEqual({
      MaxConcurrentTransforms: expect.any(Number),
      BatchStrategy: 'MULTI_RECORD',
      MaxPayloadInMB: 6,
    });
  });

  it('reads a body that comes in chunks', async () => {
    const parts = body.match(/[^]{1,10}/g) ?? [];
    const answer = await new Promise<string>((resolve, reject) => {
      const out = request(`${endpoint.url}/invocations`, { method: 'POST', headers: csv }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
      });
      out.on('error', reject);
      for (const part of parts) out.write(part);
      out.end();
    });
    expect(answer).toBe(await (await endpoint.invoke(body)).text());
  });

  it('answers classes as SageMaker does, and lines in a batch transform whatever is asked for', async () => {
    const settings = { objective: 'multi:softprob', num_class: '3' };
    await using other = await trained(settings, (x) => Math.floor(3 * (x[0] ?? 0)));
    await using classes = await serve(other.base);
    const line = await (await classes.invoke('0.5,0.5,0.5,0.5\n')).text();
    expect(line).toMatch(/^[\d.e-]+,[\d.e-]+,[\d.e-]+\n$/);
    const probabilities = line.split(',').map(Number);
    const json = await (await classes.invoke('0.5,0.5,0.5,0.5\n', { ...csv, accept: 'application/json' })).json();
    expect(json).toEqual({ predictions: [{ score: probabilities }] });

    await using batch = await serve(job.base, { SAGEMAKER_BATCH: 'true' });
    const answer = await batch.invoke(body, { ...csv, accept: 'application/json' });
    expect(await answer.text()).toBe(await (await endpoint.invoke(body)).text());
    expect((await batch.invoke(`${body}${'\n'.repeat(6_291_456)}`)).status).toBe(200);
  });

  it('ends with a reason when there is no model', async () => {
    await using empty = await makeBase({});
    const { code, log } = await finish(await start('serve', empty.base, { SAGEMAKER_BIND_TO_PORT: '0' }));
    expect(code).toBe(1);
    expect(log).toContain(`No usable model at ${join(empty.base, 'model/xgboost-model')}`);
  });

  it('loses no request of kept-alive connections when it is stopped', async () => {
    await using stopped = await serve(job.base);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const send = () => {
      const options = { port: stopped.port, host: '127.0.0.1', path: '/invocations', method: 'POST', headers: csv };
      const out = request({ ...options, agent });
      const answer = new Promise<{ status: number | undefined; closes: boolean }>((resolve, reject) => {
        out.on('error', reject).on('response', (response) => {
          const closes = response.headers.connection === 'close';
          response.resume().on('end', () => resolve({ status: response.statusCode, closes }));
        });
      });
      // In two parts, so that at SIGTERM some requests have begun and are not complete.
      const begun = new Promise<void>((resolve) => out.write('1,1,1,1\n', () => resolve()));
      setTimeout(() => out.end('2,2,2,2\n'), 60);
      return { begun, answer };
    };
    await Promise.all(Array.from({ length: 8 }, () => send().answer));
    const underWay = Array.from({ length: 8 }, send);
    await Promise.all(underWay.map(({ begun }) => begun));
    stopped.child.kill('SIGTERM');
    const last = await Promise.all(underWay.map(({ answer }) => answer));
    expect(last.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    // A client that has not heard of the stop still gets its answer, and is told to go.
    expect(await send().answer).toEqual({ status: 200, closes: true });
    expect((await stopped.ended).code).toBe(0);
    agent.destroy();
  });
});
