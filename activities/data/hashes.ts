import { createHash } from 'node:crypto';
import type { Definition } from '../../contracts/definition/index.js';
import type { FileEntry } from '../../contracts/records.js';
import { specHash } from '../resources.js';

/**
 * SHA-256 of the files by channel, key, ETag and size, one a line. Version ids are left out: the same content uploaded once more is
 * no other data.
 */
export function dataHash(files: readonly FileEntry[]): string {
  const lines = files.map(({ channel, key, etag, size }) => `${JSON.stringify([channel, key, etag, size])}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/**
 * SHA-256 of what a definition says about the model and how it is served; another hash is news.
 * Left out is what changes neither: where records go and their key (`data.output`, `data.parameter`,
 * `encryption.data`), what a job may cost or wait for (instance types in order of preference, volume size, run time, spot), labels (tags, metric expressions), and the care taken in a
 * deployment (smoke test, wait, number of old configs kept). `data.window` counts: narrowed, it drops files that would otherwise
 * read as aged out.
 */
export function definitionHash(definition: Definition): string {
  const { encryption, endpoint } = definition;
  const made = whatIsMade(definition);
  return specHash({
    ...made,
    encryption: { ...made.encryption, endpoint: encryption.endpoint ?? encryption.key },
    endpoint: {
      name: endpoint.name,
      instanceType: endpoint.instanceType,
      count: endpoint.count,
      variant: endpoint.variant,
      startupTimeout: endpoint.startupTimeout,
    },
  });
}

/** As `definitionHash`, without what only says how the model is served: a deployment by hand can bring that about. */
export const modelHash = (definition: Definition): string => specHash(whatIsMade(definition));

function whatIsMade({ name, role, data, training, network, encryption, evaluation }: Definition) {
  return {
    name,
    role,
    data: {
      bucket: data.bucket,
      prefix: data.prefix,
      window: data.window,
      channels: [...data.channels].sort(),
      contentType: data.contentType,
      // Where the workers see the folder makes no other model.
      fileSystems: data.fileSystems?.length
        ? data.fileSystems.map(({ path: _, ...one }) => one).sort((a, b) => (a.channel < b.channel ? -1 : 1))
        : undefined,
    },
    training: {
      algorithm: training.algorithm,
      image: training.image,
      // SageMaker passes hyperparameters as strings: 0.1 and "0.1" are one.
      hyperparameters: Object.fromEntries(
        Object.entries(training.hyperparameters).map(([key, value]) => [key, String(value)]),
      ),
      count: training.count,
      environment: training.environment,
    },
    network,
    // Which files are kept from training. How a candidate is judged by them makes no other model: see gateHash.
    evaluation: evaluation && { holdout: evaluation.holdout, channel: evaluation.channel },
    encryption: { volume: encryption.volume ?? encryption.key, output: encryption.output ?? encryption.key },
  };
}

/** SHA-256 of what a candidate is judged by, undefined without an evaluation: with another gate a rejected one may pass. */
export const gateHash = ({ evaluation }: Pick<Definition, 'evaluation'>): string | undefined =>
  evaluation && specHash({ metric: evaluation.metric, gate: evaluation.gate, approval: evaluation.approval });
