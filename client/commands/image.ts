import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { parseSpan } from '../../contracts/duration.js';
import { buildImage, type BuiltImage } from '../../engine/build.js';
import { ENGINE_NAMES, type Engine, type EngineName } from '../../engine/engine.js';
import { ImageRequestError } from '../../engine/errors.js';
import { findEngine } from '../../engine/find.js';
import { pushImage } from '../../engine/push.js';
import { parseRegistry } from '../../engine/reference.js';
import { usageError } from '../errors.js';
import { untilInterrupted } from '../interrupt.js';
import type { Output } from '../output.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly name?: string | undefined;
  readonly buildArg?: Record<string, string> | undefined;
  readonly platform?: string | undefined;
  readonly engine: EngineName | 'auto';
  readonly json?: true | undefined;
}

interface PushOptions extends Options {
  readonly registry: string;
  readonly timeout?: number | undefined;
}

function argument(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give NAME=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function milliseconds(text: string): number {
  const { months, ms } = parseSpan(text) ?? { months: 0, ms: 0 };
  if (months > 0 || ms === 0) throw new InvalidArgumentError('Give a duration such as 90s or 30m.');
  return ms;
}

interface Work {
  readonly engine: Engine;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Runs what needs an engine; a request that can't be is wrong usage, and Ctrl-C ends the engine's command. */
async function withEngine(context: Context, options: Options, work: (work: Work) => Promise<void>): Promise<void> {
  const { terminal } = context;
  try {
    await untilInterrupted(terminal, async (signal) => {
      const engine = await findEngine(options.engine, terminal.env);
      await work({ engine, output: outputOf(context, options), signal });
    });
  } catch (error) {
    throw error instanceof ImageRequestError ? usageError(error.message) : error;
  }
}

async function built(context: Context, directory: string, options: Options, work: Work): Promise<BuiltImage> {
  const { engine, output, signal } = work;
  const { name, buildArg: buildArgs, platform } = options;
  const onLine = (line: string): void => output.note(line);
  const folder = resolve(context.terminal.cwd, directory);
  const image = await buildImage(engine, folder, { name, buildArgs, platform, onLine, signal });
  if (!image.built) output.note(`${engine.name} has ${image.reference} already: ${directory} is as it was then`);
  return image;
}

const build = (context: Context, directory: string, options: Options): Promise<void> =>
  withEngine(context, options, async (work) => {
    const image = await built(context, directory, options, work);
    const { output, engine } = work;
    output.result({ ...image, engine: engine.name }, () =>
      output.facts([
        ['image', image.reference],
        ['id', image.id],
        ['engine', engine.name],
      ]),
    );
  });

const push = (context: Context, directory: string, options: PushOptions): Promise<void> =>
  withEngine(context, options, async (work) => {
    const { engine, output, signal } = work;
    // A mistyped registry is said before a build of minutes.
    parseRegistry(options.registry);
    const image = await built(context, directory, options, work);
    output.note(`pushing ${image.reference} to ${options.registry}`);
    const onLine = (line: string): void => output.note(line);
    const pushed = await pushImage(engine, image.reference, options.registry, {
      onLine,
      signal,
      timeoutMs: options.timeout,
    });
    const { pinned, reference, digest } = pushed;
    output.result({ image: pinned, reference, digest, id: image.id, built: image.built, engine: engine.name }, () =>
      [
        output.facts([
          ['image', pinned],
          ['tag', reference],
        ]),
        `In a definition: training: { image: '${pinned}' }`,
      ].join('\n'),
    );
  });

const DIRECTORY = ['<directory>', 'the directory with the Dockerfile'] as const;
const NAME = new Option(
  '--name <repository>',
  "the image's name, without registry and tag; the directory's by default",
);
const BUILD_ARG = new Option(
  '--build-arg <NAME=value>',
  'an ARG of the Dockerfile; can be repeated. Not for secrets',
).argParser(argument);
const PLATFORM = new Option(
  '--platform <os/arch>',
  "what it is to run on, such as linux/amd64; the engine's own by default",
);
const ENGINE = new Option('--engine <name>', 'what builds it: auto takes the first that answers')
  .choices(['auto', ...ENGINE_NAMES] as const)
  .default('auto' as const);

/** `image build` and `image push`: they need a container engine, and neither Temporal nor AWS. */
export function imageCommand(context: Context): void {
  const group = context.program
    .command('image')
    .description('images of training and inference programs: built from a directory, pushed to a registry');
  group
    .command('build')
    .description('build the image of a directory, tagged by its content; one that is there already is not built again')
    .argument(...DIRECTORY)
    .addOption(NAME)
    .addOption(BUILD_ARG)
    .addOption(PLATFORM)
    .addOption(ENGINE)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'image build examples/images/linear-learner',
        'image build models/churn --name team/churn --build-arg BASE=python:3.12-slim --platform linux/amd64',
      ),
    )
    .action((directory, options) => build(context, directory, options));
  group
    .command('push')
    .description(
      "build the image where needed, push it, and say what a definition names it by; sign in with the engine's own login first",
    )
    .argument(...DIRECTORY)
    .requiredOption('--registry <host[:port][/namespace]>', 'where to push it')
    .addOption(NAME)
    .addOption(BUILD_ARG)
    .addOption(PLATFORM)
    .addOption(ENGINE)
    .option('--timeout <duration>', 'how long the registry may take; 10m by default', milliseconds)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'image push models/churn --registry ghcr.io/acme',
        'image push models/churn --registry 123456789012.dkr.ecr.us-east-1.amazonaws.com --platform linux/amd64 --json',
      ),
    )
    .action((directory, options) => push(context, directory, options));
}
