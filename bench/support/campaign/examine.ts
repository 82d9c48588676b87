import { isDeepStrictEqual } from 'node:util';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import {
  DescribeEndpointCommand,
  ListEndpointConfigsCommand,
  ListModelsCommand,
  ListTrainingJobsCommand,
} from '@aws-sdk/client-sagemaker';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { Definition } from '../../../contracts/definition/index.js';
import { compactTime, deployedKey, deploymentName, outcomeKey, parseRunId } from '../../../contracts/names.js';
import type { DeployedPointer, OutcomeObject } from '../../../contracts/records.js';
import { readRecord } from '../../../activities/s3/records.js';
import type { Call } from '../faults/index.js';
import type { Ending } from './ending.js';
import { NEWEST } from './lane.js';
import type { CampaignSetting } from './setting.js';

/** What a run may end without, and say so in a warning. */
const ALLOWED = {
  slack: /^Slack was not told/,
  ledger: /^the ledger lacks this run/,
};

/** What an unharmed run of a kind looks like: texts without the names and times of the one run. */
export interface Reference {
  readonly reason: string;
  readonly notes: readonly string[];
  /** Endpoint configs and models that are there afterwards. */
  readonly kept: number;
}

/** How a run differs from an unharmed one, in words; nothing if it doesn't. `reference` is absent for the unharmed one itself. */
export async function examine(
  setting: CampaignSetting,
  definition: Definition,
  ending: Ending,
  calls: readonly Call[],
  reference?: Reference,
): Promise<{
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly reference: Reference;
}> {
  const { progress, failure } = ending;
  const general = generaliser(definition);
  const problems: string[] = [];
  const want = (what: string, found: unknown, wanted: unknown) => {
    if (!isDeepStrictEqual(found, wanted))
      problems.push(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
  };
  want('outcome', failure ? `${failure.type}: ${failure.message}` : progress.outcome, 'Deployed');
  const unforeseen = progress.warnings.filter((line) => !Object.values(ALLOWED).some((allowed) => allowed.test(line)));
  want('warnings', unforeseen, []);
  const made = await remote(setting, definition, ending);
  want('training jobs, models and configs of the run', made.ofRun, [1, 1, 1]);
  want('endpoint', made.endpoint, ['InService', deploymentOf(ending)]);
  want('creates and updates that SageMaker took more than once', repeatedChanges(calls), []);
  const indexed = !progress.warnings.some((line) => ALLOWED.ledger.test(line));
  for (const [what, found, wanted] of await records(setting, definition, ending, indexed)) want(what, found, wanted);
  const own: Reference = {
    reason: general(progress.reason ?? ''),
    notes: progress.notes.map(general),
    kept: made.kept,
  };
  if (reference) want('texts and kept configs', own, reference);
  return { problems, warnings: progress.warnings.map(general), reference: own };
}

const timeOf = (run: string) => parseRunId(run)?.time ?? '';
const deploymentOf = ({ run }: Ending) => deploymentName(parseRunId(run)?.model ?? '', timeOf(run));

/** Takes model, times and durations out of a text. */
const generaliser =
  ({ name }: Definition) =>
  (text: string): string =>
    text
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z|\d{8}T\d{9}Z/g, '<run>')
      .replaceAll(name, '<model>')
      .replaceAll(/\b\d+ ms\b/g, '<n> ms');

/** That each was made is seen by what is there; that it was made once, by the answers. */
function repeatedChanges(calls: readonly Call[]): string[] {
  const took = (operations: readonly string[]) =>
    calls.filter(({ operation, status }) => operations.includes(operation) && status === 200).length;
  return CHANGES.filter((operations) => took(operations) > 1).map((operations) => operations.join(' or '));
}

const CHANGES = [
  ['CreateTrainingJob'],
  ['CreateModel'],
  ['CreateEndpointConfig'],
  ['CreateEndpoint', 'UpdateEndpoint'],
];

async function remote({ sagemaker }: CampaignSetting, definition: Definition, { run }: Ending) {
  const NameContains = `${definition.name}-`;
  const page = { NameContains, MaxResults: 100 };
  const [jobs, models, configs, endpoint] = await Promise.all([
    sagemaker.send(new ListTrainingJobsCommand(page)),
    sagemaker.send(new ListModelsCommand(page)),
    sagemaker.send(new ListEndpointConfigsCommand(page)),
    sagemaker.send(new DescribeEndpointCommand({ EndpointName: definition.endpoint.name })).catch((error: unknown) => {
      // A failed first deployment leaves none: the comparison says so.
      if (error instanceof Error && error.name === 'ValidationException') return undefined;
      throw error;
    }),
  ]);
  const names = [
    (jobs.TrainingJobSummaries ?? []).map(({ TrainingJobName }) => TrainingJobName),
    (models.Models ?? []).map(({ ModelName }) => ModelName),
    (configs.EndpointConfigs ?? []).map(({ EndpointConfigName }) => EndpointConfigName),
  ];
  const time = compactTime(timeOf(run));
  return {
    ofRun: names.map((some) => some.filter((name) => name?.includes(time)).length),
    kept: (names[1]?.length ?? 0) + (names[2]?.length ?? 0),
    endpoint: [endpoint?.EndpointStatus, endpoint?.EndpointConfigName],
  };
}

/** What S3, SSM and the ledger say about a deployed run, each beside what they should. */
async function records(
  { s3, ssm, ledger }: CampaignSetting,
  { data, endpoint }: Definition,
  { run, result }: Ending,
  indexed: boolean,
): Promise<[string, unknown, unknown][]> {
  const key = outcomeKey(data.output, timeOf(run));
  const [outcome, pointer, versions, parameter, row, deployed] = await Promise.all([
    readRecord<OutcomeObject>(s3, data.bucket, key),
    readRecord<DeployedPointer>(s3, data.bucket, deployedKey(data.output)),
    s3.send(new ListObjectVersionsCommand({ Bucket: data.bucket, Prefix: key.replace(/outcome\.json$/, '') })),
    ssm.send(new GetParameterCommand({ Name: data.parameter })).catch(() => undefined),
    ledger.getRun(run),
    ledger.deployments(endpoint.name),
  ]);
  const written = (versions.Versions ?? []).map(({ Key = '' }) => Key.split('/').at(-1)).sort();
  const live = deployed.filter((one) => one.live).map((one) => one.run);
  return [
    ['outcome in S3', [outcome?.record.outcome, outcome?.record.trainingJob], ['Deployed', result?.trainingJob]],
    ['deployed.json', pointer?.record.run, run],
    ['versions of records', written, ['files.json', 'outcome.json', 'train.manifest']],
    ['SSM parameter', parameter?.Parameter?.Value, NEWEST],
    ...(indexed
      ? ([
          ['run in the ledger', row?.outcome, outcome?.record],
          ['live deployment in the ledger', live, [run]],
        ] as [string, unknown, unknown][])
      : []),
  ];
}
