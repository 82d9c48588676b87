import { join, resolve } from 'node:path';
import { setInterval } from 'node:timers';
import { startLocal, type LocalStack } from '../../local/index.js';
import { packagePath } from '../../local/paths.js';
import { exampleDefinition, LOCAL_SLACK_TOKEN, MODEL_FILE, STORAGE_FILE } from '../seattle-weather/definition.js';
import { prepareAccount } from './account.js';
import { readOptions, type DemoOptions } from './options.js';
import { perennialOk } from './perennial.js';
import { playRound, playRoundUnderTraffic } from './rounds.js';
import { Screen } from './screen.js';
import { countSlackMessages, showSummary, summaryJson, type Summary } from './summary.js';
import { summariseTraffic } from './traffic.js';

/** A day that every first run trains on. */
const PURGED = 's3://perennial-demo/data/seattle-weather/train/2012-03-01.csv';
/** Ctrl-C, a supervisor's request, and the terminal's window being closed. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What a shell says of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

// The SDK's releases are pinned: its word about coming ones is of no use to whoever runs this.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** `npm start`: see --help. Answers with the exit code: 0 only if both runs deployed their model. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (typeof options === 'number') return options;
  const screen = new Screen(options.json);
  const abort = new AbortController();
  const stop = () => abort.abort(new Error('Interrupted.'));
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    return await demo(options, screen, abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    screen.line('Stopped. The next start goes on from here.');
    return INTERRUPTED;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}

async function demo(options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<number> {
  const { stateDir, engine } = options;
  const stack = await screen.step(`Start local mode in ${stateDir}`, () =>
    startLocal({ stateDir, engine, worker: true, signal, onProgress: (line) => screen.detail(line) }),
  );
  try {
    const summary = await play(stack, screen, signal);
    showSummary(screen, summary, stack.urls);
    if (!options.once) await stayUp(stack, stateDir, screen, signal);
    if (options.json) process.stdout.write(`${JSON.stringify(summaryJson(summary))}\n`);
    return summary.rounds.every(({ run }) => run.outcome === 'Deployed') ? 0 : 1;
  } finally {
    screen.line('Stopping local mode …');
    await stack.stop();
  }
}

async function play(stack: LocalStack, screen: Screen, signal: AbortSignal): Promise<Summary> {
  const { env } = stack;
  const before = await countSlackMessages(stack);
  const definition = await exampleDefinition();
  await screen.step('Prepare the account: bucket, KMS key, Slack token', () =>
    prepareAccount(env, {
      bucket: definition.data.bucket,
      keyAlias: definition.encryption.key ?? '',
      slack: definition.notify.slack && {
        tokenParameter: definition.notify.slack.tokenParameter,
        token: LOCAL_SLACK_TOKEN,
      },
    }),
  );
  signal.throwIfAborted();
  const { storage } = (await perennialOk(['storage', 'show'], { env })) as { storage: object | null };
  // There is one declared storage for all models: what somebody declared since the first start stays.
  const files = storage ? [MODEL_FILE] : [MODEL_FILE, STORAGE_FILE];
  await screen.step(`perennial apply ${files.join(' ')}`, () =>
    perennialOk(['apply', ...files.map((file) => packagePath(file))], { env, onSay: (text) => screen.detail(text) }),
  );
  const first = await playRound({ env, definition, screen, signal });
  if (first.run.outcome !== 'Deployed') {
    return {
      rounds: [first],
      traffic: summariseTraffic([]),
      slackMessages: (await countSlackMessages(stack)) - before,
    };
  }
  const { round, observations } = await playRoundUnderTraffic({ env, definition, screen, signal });
  const slackMessages = (await countSlackMessages(stack)) - before;
  return { rounds: [first, round], traffic: summariseTraffic(observations), slackMessages };
}

/** Until Ctrl-C: the endpoint answers, the schedule triggers, the UI shows. */
async function stayUp({ urls }: LocalStack, stateDir: string, screen: Screen, signal: AbortSignal): Promise<void> {
  // Commands find local mode in the default folder by themselves.
  const elsewhere = resolve(stateDir) !== resolve('.perennial');
  screen.line(screen.style('bold', 'Local mode stays up until Ctrl-C; the schedule looks for new data every morning.'));
  screen.facts([
    ['Temporal UI', `${urls.ui}/`],
    ['Slack', `${urls.slack}/`],
    ...(elsewhere ? [['first', `set -a; . '${join(resolve(stateDir), 'env')}'; set +a`] as const] : []),
    ['try', 'npx perennial runs'],
    ['', 'npx perennial run seattle-weather --force --set training.hyperparameters.wd=0.1 --no-deploy --follow'],
    ['', 'npx perennial invoke seattle-weather --csv 10.0,4.4,0.0,3.1,0.5,0.86,0.87,0.5'],
    ['forget', `npx perennial purge ${PURGED} --request R-1 --reason "erasure request" --follow`],
    ['', 'npx perennial purge certificate R-1 --out R-1.html'],
    ['', 'npx perennial audit verify --certificate R-1.html'],
  ]);
  // Nothing else keeps this process alive: the services are processes of their own.
  const alive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(alive);
}
