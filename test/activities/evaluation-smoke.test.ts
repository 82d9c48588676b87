import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { difference } from '../../activities/endpoint/judged-rows.js';
import { EvaluationWorld, type Judged, type Settings } from './support/evaluation-world.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';

let world: EvaluationWorld;
beforeAll(async () => {
  world = await EvaluationWorld.make();
});
afterAll(() => world.close());

const rows = Array.from({ length: 20 }, (_, row) => `${row},${row},0.5\n`).join('');

/** A run that was judged and whose model serves. */
async function serving(name: string, settings: Settings): Promise<Judged> {
  await world.upload(name, { '2026-01-09.csv': '1,1\n', '2026-01-10.csv': rows });
  const judged = await world.trained(
    world.definition(name, { evaluation: { metric: 'rmse', holdout: 'P1D' } }),
    settings,
  );
  await world.start(judged);
  await world.deploy(judged, { serving: true });
  return judged;
}
const smoke = (judged: Judged) =>
  runActivity(world.endpoints.smokeTest, { ...judged, endpoint: judged.definition.endpoint.name });

describe('smoke test of a judged model', () => {
  it('compares the endpoint with the batch predictions of the same rows', async () => {
    const judged = await serving('smoke-same', {});
    expect(await smoke(judged)).toEqual({ latencyMs: expect.any(Number) as unknown, compared: 16 });
    await runActivity(world.activities.forgetEvaluation, { ...judged, keepModel: true });
    // Without predictions any good answer will do.
    expect((await smoke(judged)).compared).toBeUndefined();
    const endpoint = { ...judged.definition.endpoint, smokeTest: { body: '1,2\n', contentType: 'text/csv' } };
    expect((await smoke({ ...judged, definition: { ...judged.definition, endpoint } })).compared).toBeUndefined();
  });

  it('compares nothing with rows that were uploaded again since they were judged on', async () => {
    const judged = await serving('smoke-changed', {});
    await world.upload('smoke-changed', { '2026-01-10.csv': rows.replaceAll('0.5', '7') });
    expect(await smoke(judged)).toEqual({ latencyMs: expect.any(Number) as unknown });
  });

  it('fails where it answers otherwise, and says of how many rows and by how much', async () => {
    const judged = await serving('smoke-other', { bias: 100, endpointBias: 1 });
    const failure = await failureOf(smoke(judged));
    expect(failure.type).toBe('SmokeTestFailed');
    expect(failure.message).toMatch(
      /it answers 16 of 16 rows of the holdout otherwise than the batch transform of the same model did, by 0\.99 % at the most/,
    );
  });
});

describe('difference', () => {
  it.each([
    ['a row a line', '1\n2\r\n3\n'],
    ['all in one row', '1.0,2.0,3.0'],
    ['several fields a row, the last of which counts', '9,1\n9,2\n9,3\n'],
    ['JSON', '{"predictions":[{"score":1},{"score":2},{"score":3}]}'],
    ['JSON Lines', '{"score":1}\n{"score":2}\n{"score":3,"predicted_label":1}\n'],
    ['another order of adding', '1.00005\n2\n3.0001'],
  ])('is none for %s', (_what, answer) => {
    expect(difference(answer, [1, 2, 3])).toBeUndefined();
  });

  it('is none for what is 0 but for noise, and for a prediction that is no number both times', () => {
    expect(difference('1e-9\n100\nnan', [0, 100, Number.NaN])).toBeUndefined();
  });

  it('is told without a value of the rows', () => {
    expect(difference('1\n2.2\n3', [1, 2, 3])).toBe(
      'it answers 1 of 3 rows of the holdout otherwise than the batch transform of the same model did, by 9.1 % at the most',
    );
    expect(difference('1\nnan\n3', [1, 2, 3])).toMatch(/^it answers 1 of 3 rows .* did$/);
  });

  it.each(['1\n2', '<html>', ''])('is that %j can not be read as predictions', (answer) => {
    expect(difference(answer, [1, 2, 3])).toBe(
      "its answer to 3 rows of the holdout can't be read as so many predictions",
    );
  });
});
