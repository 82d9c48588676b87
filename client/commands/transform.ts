import type { Client } from '@temporalio/client';
import { WORKFLOWS } from '../../contracts/runs.js';
import { transformId, type TransformInput } from '../../contracts/transforms.js';
import { taskQueue, uiUrl, withClient } from '../connect.js';
import { EXIT } from '../errors.js';
import { requireModel } from '../models.js';
import type { Output } from '../output.js';
import { followTransform, type TransformEnd } from '../transform/follow.js';
import { requestedTransform, type TransformOptions } from '../transform/request.js';
import { transformFacts } from '../transform/view.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

type Options = TransformOptions & { readonly detach?: true | undefined; readonly json?: true | undefined };

/** Now, in a millisecond that no schedule starts in: by hand and by schedule never share a folder. */
function mintTime(now = Date.now()): string {
  return new Date(now % 1_000 === 0 ? now + 1 : now).toISOString();
}

async function start(client: Client, env: NodeJS.ProcessEnv, input: TransformInput & { time: string }) {
  const { definition, transform, time } = input;
  const { workflowId, firstExecutionRunId } = await client.workflow.start(WORKFLOWS.transform, {
    workflowId: transformId(definition.name, transform.name, time),
    taskQueue: taskQueue(env),
    args: [input],
    staticSummary: `batch transform ${transform.name} of ${definition.name}`,
  });
  return { id: workflowId, url: uiUrl(client, env, workflowId, firstExecutionRunId) };
}

function renderEnd(
  output: Output,
  id: string,
  { outcome, reason, result }: TransformEnd,
  url: string | undefined,
): string {
  return [`${output.outcome(outcome)}: ${reason}`, output.facts(transformFacts(id, result, url))].join('\n');
}

function exitOf(outcome: TransformEnd['outcome']): number {
  switch (outcome) {
    case 'Completed':
      return EXIT.ok;
    case 'Failed':
      return EXIT.failed;
    case 'Cancelled':
      return EXIT.cancelled;
  }
}

async function transform(context: Context, model: string, { detach, json, ...options }: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, { json });
  await withClient(terminal, async (client) => {
    const { definition } = (await requireModel(client, terminal.env, model)).status;
    const wanted = requestedTransform(definition, options);
    const { id, url } = await start(client, terminal.env, { definition, transform: wanted, time: mintTime() });
    if (detach) {
      output.result(
        { transform: id, url },
        () => `started ${id}\n\`perennial show ${id}\` shows how it goes, \`perennial cancel ${id}\` stops it`,
      );
      return;
    }
    output.note(`started ${id}`);
    const end = await followTransform(client, terminal, output, id);
    if (!end) {
      output.result(
        { transform: id, url, followed: 'interrupted' },
        () =>
          `no longer following; the transform goes on. \`perennial show ${id}\` shows how, \`perennial cancel ${id}\` stops it`,
      );
      return;
    }
    output.result({ transform: id, ...end, url }, () => renderEnd(output, id, end, url));
    context.exitCode = exitOf(end.outcome);
  });
}

export function transformCommand(context: Context): void {
  context.program
    .command('transform')
    .description('answer the rows of S3 objects with the live model, by a batch transform job; shows it until it ends')
    .argument('<model>', 'name of the model')
    .option('--input <uri>', 'S3 prefix of the objects with rows')
    .option('--output <uri>', 'S3 prefix below which the answers go, in a folder of this time')
    .option('--name <transform>', 'a transform of the definition; further options change it for this time alone')
    .option('--manifest', 'the input is a manifest')
    .option('--content-type <type>', 'what the rows are; text/csv without it')
    .option('--accept <type>', 'what the answers should be')
    .option('--split <how>', 'line: each line is a record; none: the object is one')
    .option('--label <where>', 'first: the first column is a label, not sent to the model; none')
    .option('--join <what>', 'input: the rows stand beside their answers; none')
    .option('--detach', 'do not wait for its end; Ctrl-C does the same later')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'transform weather --input s3://bucket/rows/ --output s3://bucket/predictions/',
        'transform weather --name daily',
        'transform weather --name daily --input s3://bucket/rows/2015-06-30/ --detach --json',
      ),
    )
    .action((model, options) => transform(context, model, options));
}
