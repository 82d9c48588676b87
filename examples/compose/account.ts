import { readFile, rename, writeFile } from 'node:fs/promises';
import { AUDIT_BUCKET, makeAuditResources } from '../../local/services/audit.js';
import { makeStateChangeQueue, stateChangeQueueUrl } from '../../local/services/state-changes.js';
import { prepareAccount, s3Client } from '../demo/account.js';
import { uploadDays, uploadedDates } from '../demo/bucket.js';
import { BASE_END, nextSlice } from '../demo/slices.js';
import { buildWeather, type WeatherDay } from '../seattle-weather/data.js';
import { exampleDefinition, LOCAL_SLACK_TOKEN } from '../seattle-weather/definition.js';
import { environment, required } from './environment.js';

/** Read by the worker's shell at its start. */
const WORKER_ENV = '/run/perennial/worker/env';
/** Says `aws` where a worker was at work before without the profile. */
const PROJECT_KIND = '/run/perennial/worker/kind';
/** A worker that was led here must not turn to a person's own account because the profile is left out once. */
const ONLY_HERE = `getent hosts aws >/dev/null || {
  echo 'This project is one of the profile "local", whose service "aws" is not there: start it with --profile local; for an AWS account use another project (COMPOSE_PROJECT_NAME).' >&2
  exit 1
}`;
/** Of a person's own account, which the worker must not take for this one's. */
const NOT_HERE = ['AWS_PROFILE', 'AWS_SESSION_TOKEN'];

/**
 * What stands ready on AWS before Perennial comes: the queue of events, what purges are proved with, and the example's bucket, key, Slack
 * token and first days of data; and what leads the worker to them. What is there already stays.
 */
export async function prepareExampleAccount(): Promise<void> {
  if ((await readFile(PROJECT_KIND, 'utf8').catch(() => '')).trim() === 'aws')
    throw new Error(
      'This project was started without the profile "local" before: its worker and its ledger are those of an AWS account. Start the profile as another project (COMPOSE_PROJECT_NAME, with ports and a subnet of its own), or forget this one with `docker compose down --volumes`.',
    );
  const env = environment();
  const endpoint = required('AWS_ENDPOINT_URL');
  const account = { region: required('AWS_REGION'), key: required('AWS_ACCESS_KEY_ID') };
  await Promise.all([makeStateChangeQueue(endpoint, account), makeAuditResources(endpoint, account)]);
  const { data, encryption, notify } = await exampleDefinition();
  await prepareAccount(env, {
    bucket: data.bucket,
    keyAlias: encryption.key ?? '',
    slack: notify.slack && { tokenParameter: notify.slack.tokenParameter, token: LOCAL_SLACK_TOKEN },
  });
  console.log(`the account has the buckets ${data.bucket} and ${AUDIT_BUCKET}, their keys and the queue of events`);
  await upload((all, uploaded) =>
    [...uploaded].some((date) => date >= BASE_END)
      ? []
      : all.filter(({ date }) => date <= BASE_END && !uploaded.has(date)),
  );

  const variables = {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('AWS_'))),
    WORKER_EVENTS_QUEUE_URL: stateChangeQueueUrl(endpoint),
    SLACK_API_URL: required('SLACK_API_URL'),
    NODE_EXTRA_CA_CERTS: required('REDSHIFT_CA_FILE'),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  // Whole at any moment: a worker may start meanwhile.
  await writeFile(`${WORKER_ENV}.part`, [ONLY_HERE, `unset ${NOT_HERE.join(' ')}`, ...lines, ''].join('\n'));
  await rename(`${WORKER_ENV}.part`, WORKER_ENV);
}

/** Uploads the days that the next run is to see, two months of them. Older ones that are not there were erased. */
export async function uploadNextDays(): Promise<void> {
  await upload((all, uploaded) => {
    const newest = [...uploaded].sort().at(-1) ?? '';
    return nextSlice(all, uploaded).days.filter(({ date }) => date > newest);
  });
}

/** The newest of the days comes last: with it, all are there. */
async function upload(
  choose: (all: readonly WeatherDay[], uploaded: ReadonlySet<string>) => readonly WeatherDay[],
): Promise<void> {
  const { data, encryption } = await exampleDefinition();
  const target = { bucket: data.bucket, prefix: data.prefix, keyAlias: encryption.key ?? '' };
  const s3 = s3Client(environment());
  try {
    const uploaded = await uploadedDates(s3, target.bucket, target.prefix);
    const days = choose(buildWeather(), uploaded);
    await uploadDays(s3, target, days.slice(0, -1));
    await uploadDays(s3, target, days.slice(-1));
    const where = `s3://${target.bucket}/${target.prefix}`;
    console.log(days.length === 0 ? `no newer days for ${where}` : `${days.length} days uploaded to ${where}`);
  } finally {
    s3.destroy();
  }
}
