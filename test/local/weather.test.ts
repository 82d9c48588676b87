import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildWeather, persistenceRmse, rmse } from '../../examples/seattle-weather/data.js';
import { makeBase, serve, train } from './linear-learner-program.js';

const rows = buildWeather();
const label = (csv: string) => Number(csv.slice(0, csv.indexOf(',')));
const features = (csv: string) => csv.slice(csv.indexOf(',') + 1);

it('has one row a day in time order, of one width', () => {
  expect(rows).toHaveLength(1460);
  expect(rows[0]).toEqual({ date: '2012-01-02', csv: '10.6,12.8,5.0,0.0,4.7,0.017202,0.999852,0.034398,0.999408\n' });
  expect(rows.at(-1)?.date).toBe('2015-12-31');
  expect(rows.map(({ date }) => date)).toEqual(rows.map(({ date }) => date).sort());
  expect(new Set(rows.map(({ date }) => date)).size).toBe(rows.length);
  for (const { csv } of rows) expect(csv).toMatch(/^(-?\d+(\.\d+)?,){8}-?\d+(\.\d+)?\n$/);
});

it('holds nothing from after its date: the label is of that day, the weather of the day before', () => {
  const source = join(createRequire(import.meta.url).resolve('vega-datasets'), '../../data/seattle-weather.csv');
  const measured = new Map(
    readFileSync(source, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [date, rain, high, low, wind] = line.split(',');
        return [date as string, { high: Number(high), before: [high, low, rain, wind].map(Number) }];
      }),
  );
  for (const { date, csv } of rows) {
    const dayBefore = new Date(Date.parse(date) - 86_400_000).toISOString().slice(0, 10);
    expect(label(csv)).toBe(measured.get(date)?.high);
    expect(features(csv).split(',').slice(0, 4).map(Number)).toEqual(measured.get(dayBefore)?.before);
  }
});

it('lets the example image, trained on 2012–2014, beat "same as today" in 2015', async () => {
  const before = rows.filter(({ date }) => date < '2015');
  const after = rows.filter(({ date }) => date >= '2015');
  const files = Object.fromEntries(before.map(({ date, csv }) => [`input/data/train/${date}.csv`, csv]));
  await using job = await makeBase({ predictor_type: 'regressor', feature_dim: '8' }, files);
  const trained = await train(job.base, { TRAINING_JOB_NAME: 'seattle-weather' });
  expect(trained.code, trained.log).toBe(0);
  await using endpoint = await serve(job.base);
  const answer = await endpoint.invoke(after.map(({ csv }) => features(csv)).join(''));
  const { predictions } = (await answer.json()) as { predictions: { score: number }[] };
  const error = rmse(
    predictions.map(({ score }) => score),
    after.map(({ csv }) => label(csv)),
  );
  expect(error).toBeCloseTo(2.67, 2);
  expect(persistenceRmse(after)).toBeCloseTo(2.91, 2);
});

it('refuses to compare lists of different length', () => {
  expect(() => rmse([1], [1, 2])).toThrow('as many forecasts as truths');
  expect(() => rmse([], [])).toThrow(RangeError);
});
