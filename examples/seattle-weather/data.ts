/**
 * Seattle's daily weather 2012–2015 (NOAA, public domain, from the `vega-datasets` package) as training rows: predict
 * the highest temperature of a day from the weather of the day before and the season.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';

/** One dated object of training data. */
export interface WeatherDay {
  /** YYYY-MM-DD, the day of the label. Nothing in the row was measured later. */
  readonly date: string;
  /**
   * One line, label first: highest temperature of `date` (°C), then of the day before highest and lowest temperature
   * (°C), precipitation (mm) and wind (m/s), then sine and cosine of the year's and of the half year's round at `date`.
   */
  readonly csv: string;
}

interface Observation {
  readonly date: string;
  readonly temp_max: string;
  readonly temp_min: string;
  readonly precipitation: string;
  readonly wind: string;
}

const DAY_MS = 86_400_000;
const DAYS_A_YEAR = 365.25;

/**
 * Builds the rows of 2012-01-02 to 2015-12-31, oldest first, one a day: 1,460 of them.
 *
 * @throws Error if the data set has a gap or a value that is not a number
 */
export function buildWeather(): WeatherDay[] {
  const days = readObservations();
  return days.slice(1).map((today, index) => {
    const before = days[index] as Observation;
    if (Date.parse(today.date) - Date.parse(before.date) !== DAY_MS) {
      throw new Error(
        `seattle-weather.csv has no day between ${before.date} and ${today.date}: reinstall vega-datasets`,
      );
    }
    const measured = [today.temp_max, before.temp_max, before.temp_min, before.precipitation, before.wind];
    const bad = measured.find((value) => value === '' || !Number.isFinite(Number(value)));
    if (bad !== undefined) throw new Error(`seattle-weather.csv has "${bad}" for a number at ${today.date}`);
    return { date: today.date, csv: `${[...measured, ...season(today.date)].join(',')}\n` };
  });
}

/** Root of the mean square of forecast − truth, in their unit. */
export function rmse(forecasts: readonly number[], truths: readonly number[]): number {
  if (forecasts.length !== truths.length || truths.length === 0) {
    throw new RangeError(`rmse needs as many forecasts as truths, and some: ${forecasts.length} and ${truths.length}`);
  }
  const sum = truths.reduce((total, truth, i) => total + ((forecasts[i] as number) - truth) ** 2, 0);
  return Math.sqrt(sum / truths.length);
}

/** RMSE in °C of the forecast "tomorrow is as warm as today" on the given rows: what a model has to beat. */
export function persistenceRmse(rows: readonly WeatherDay[]): number {
  const values = rows.map(({ csv }) => csv.split(',').map(Number));
  return rmse(
    values.map(([, dayBefore]) => dayBefore as number),
    values.map(([label]) => label as number),
  );
}

function readObservations(): Observation[] {
  // The package exports its program only; its data lies beside that: build/index.js and data/.
  const program = createRequire(import.meta.url).resolve('vega-datasets');
  const file = join(dirname(program), '..', 'data', 'seattle-weather.csv');
  return parse<Observation>(readFileSync(file), { columns: true });
}

/** Two harmonics of the year, six digits: enough to tell one day from the next. */
function season(date: string): string[] {
  const sinceNewYear = (Date.parse(date) - Date.parse(`${date.slice(0, 4)}-01-01`)) / DAY_MS;
  const turn = (2 * Math.PI * sinceNewYear) / DAYS_A_YEAR;
  return [Math.sin(turn), Math.cos(turn), Math.sin(2 * turn), Math.cos(2 * turn)].map((value) => value.toFixed(6));
}
