import type { Definition } from '../../contracts/definition/index.js';
import type { Trained } from '../../contracts/versions.js';
import { fail } from '../errors.js';
import type { Candidate } from './look.js';

/** A version that the endpoint can go back to. */
export interface Target extends Candidate {
  readonly trained: Trained;
}

const isUsable = (one: Candidate | undefined): one is Target => one?.trained !== undefined;

/**
 * The version that a roll-back goes to: the one asked for, else the one that was live before the live one, else, where that is gone, the
 * newest that is older than the live one. Going back twice never ends where it began.
 */
export function targetOf(
  definition: Definition,
  candidates: readonly Candidate[],
  live: Candidate | undefined,
  liveConfig: string,
  to: string | undefined,
): Target {
  const { name } = definition;
  if (to !== undefined) return named(definition, candidates, to);
  const before = candidates.find(({ config }) => config.name === live?.config.previous);
  if (isUsable(before)) return before;
  const others = candidates.filter((one) => !one.version.live && isUsable(one)) as Target[];
  const older = others.find(({ config }) => live === undefined || config.name < live.config.name);
  if (older) return older;
  const newer = others.map(({ version }) => version.madeBy).join(', ');
  throw fail(
    'ResourceMissing',
    `Nothing to go back to: no version of ${name} is kept that is older than ${liveConfig}. ${newer ? `Newer ones are ${newer}: --to names one` : `\`perennial models ${name}\` lists what is kept`}`,
  );
}

function named(definition: Definition, candidates: readonly Candidate[], to: string): Target {
  const { name, endpoint } = definition;
  const found = find(candidates, to);
  const [target, ...others] = found;
  if (!target) {
    throw fail(
      'ResourceMissing',
      `${to} is none of the kept versions of ${name}: it was never deployed, or clean-up removed it (endpoint.keep is ${endpoint.keep}). \`perennial models ${name}\` lists them`,
    );
  }
  if (others.length > 0) {
    throw fail(
      'InvalidRequest',
      `"${to}" may be any of ${found.map(({ version }) => version.madeBy).join(', ')}: name one`,
    );
  }
  if (target.version.live) {
    throw fail('InvalidRequest', `Nothing to do: endpoint ${endpoint.name} serves ${target.config.name} already`);
  }
  if (!isUsable(target)) {
    throw fail('ResourceMissing', `The endpoint can't go back to ${target.config.name}: ${target.version.unusable}`);
  }
  return target;
}

/** By id of what made it, by config, by the run whose model it serves, by a part of the id. */
function find(candidates: readonly Candidate[], to: string): Candidate[] {
  const exact =
    candidates.find(({ version }) => version.madeBy === to || version.config === to) ??
    candidates.find(({ version }) => version.run === to);
  return exact ? [exact] : candidates.filter(({ version }) => version.madeBy.includes(to));
}
