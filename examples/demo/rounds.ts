import type { Definition } from '../../contracts/definition/index.js';
import { buildWeather, type WeatherDay } from '../seattle-weather/data.js';
import { s3Client, type Env } from './account.js';
import { readFileRecord, uploadDays, uploadedDates } from './bucket.js';
import { followedRun, type DemoRun } from './run.js';
import { features, scoreEndpoint, type Score } from './score.js';
import { count, type Screen } from './screen.js';
import { heldBack, nextSlice } from './slices.js';
import { startTraffic, type Observation } from './traffic.js';

/** 20 requests a second. */
const TRAFFIC_INTERVAL_MS = 50;

/** A run, and how good its model's answers are. */
export interface Round {
  readonly run: DemoRun;
  /** Only for a deployed model. */
  readonly metric?: Score;
  readonly heldBack: number;
}

export interface RoundOptions {
  readonly env: Env;
  readonly definition: Definition;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** Uploads the next days, runs, and scores the endpoint on the days after them. */
export async function playRound(options: RoundOptions): Promise<Round> {
  const { env, definition, screen, signal } = options;
  const s3 = s3Client(env);
  try {
    const all = buildWeather();
    const { name: model, data, encryption } = definition;
    const target = { bucket: data.bucket, prefix: data.prefix, keyAlias: encryption.key ?? '' };
    const slice = nextSlice(all, await uploadedDates(s3, target.bucket, target.prefix));
    const [first] = slice.days;
    if (first === undefined) {
      screen.line(`${screen.style('yellow', '●')} The data set has no newer days to give: training on the same again`);
    } else {
      await screen.step(`Upload ${count(slice.days.length, 'day')} of real data, ${first.date} to ${slice.until}`, () =>
        uploadDays(s3, target, slice.days, signal),
      );
    }
    signal.throwIfAborted();
    const run = await retrain(options, model, first === undefined);
    if (run.outcome !== 'Deployed' || !run.endpoint || !run.fileRecordUri) return { run, heldBack: 0 };
    const { files } = await readFileRecord(s3, run.fileRecordUri);
    const newest =
      files
        .map(({ date }) => date)
        .sort()
        .at(-1) ?? '';
    const rows = heldBack(all, newest);
    return { run, heldBack: rows.length, metric: await scoreEndpoint(env, run.endpoint, rows) };
  } finally {
    s3.destroy();
  }
}

async function retrain({ env, screen, signal }: RoundOptions, model: string, force: boolean): Promise<DemoRun> {
  const follow = (forced: boolean) =>
    screen.step(`perennial run ${model} --follow${forced ? ' --force' : ''}`, () =>
      followedRun({ env, model, force: forced, signal, onSay: (text) => screen.detail(text) }),
    );
  const run = await follow(force);
  if (run.outcome !== 'NoNewData') return run;
  screen.detail('A scheduled run has taken the new days already; training on them again.');
  return follow(true);
}

/** The same while a client in a process of its own sends requests to the endpoint that is live. */
export async function playRoundUnderTraffic(
  options: RoundOptions,
): Promise<{ round: Round; observations: readonly Observation[] }> {
  const { env, definition, screen } = options;
  const rows = buildWeather()
    .slice(-100)
    .map((day: WeatherDay) => features(day));
  const endpoint = definition.endpoint.name;
  screen.line(
    `${screen.style('cyan', '●')} ${screen.style('bold', `A client sends ${1000 / TRAFFIC_INTERVAL_MS} requests a second to ${endpoint}, without retries`)}`,
  );
  const traffic = await startTraffic(env, { endpoint, rows, intervalMs: TRAFFIC_INTERVAL_MS });
  try {
    const round = await playRound(options);
    return { round, observations: await traffic.stop() };
  } finally {
    traffic.kill();
  }
}
