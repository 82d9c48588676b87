import type { Definition } from '../../contracts/definition/index.js';
import { dateBefore } from '../../contracts/duration.js';
import type { Holdout } from '../../contracts/evaluation.js';
import type { FileEntry } from '../../contracts/records.js';
import { dataHash } from './hashes.js';
import type { ChannelListing } from './listing.js';

/** What file records call the files of the train prefix that `evaluation.holdout` keeps from training; no channel may have the name. */
export const HOLDOUT = 'holdout';

/** Name under which a file record has the files that models are judged on; undefined for a definition without evaluation. */
export const judgedChannel = ({ evaluation }: Pick<Definition, 'evaluation'>): string | undefined =>
  evaluation && (evaluation.channel ?? HOLDOUT);

/** Moves the train channel's files of the last days, up to the newest of them, into a listing of their own. Without `evaluation.holdout` as it was. */
export function splitHoldout(
  channels: readonly ChannelListing[],
  { evaluation }: Pick<Definition, 'evaluation'>,
): readonly ChannelListing[] {
  const train = channels.find(({ name }) => name === 'train');
  const newest = train?.files.reduce((latest, { date }) => (date > latest ? date : latest), '');
  if (!evaluation?.holdout || !train || !newest) return channels;
  const last = dateBefore(newest, evaluation.holdout);
  const held = train.files.filter(({ date }) => date > last).map((file) => ({ ...file, channel: HOLDOUT }));
  return [
    ...channels.map((one) => (one === train ? { ...one, files: one.files.filter(({ date }) => date <= last) } : one)),
    { name: HOLDOUT, prefix: train.prefix, files: held, ignored: 0 },
  ];
}

/** The holdout among a file record's files, but for its manifest; undefined if there is none. */
export function holdoutOf(
  definition: Pick<Definition, 'evaluation'>,
  files: readonly FileEntry[],
): Omit<Holdout, 'manifestUri'> | undefined {
  const name = judgedChannel(definition);
  const held = files.filter(({ channel }) => channel === name);
  const dates = held.map(({ date }) => date).sort();
  const [from, to] = [dates[0], dates.at(-1)];
  if (from === undefined || to === undefined) return undefined;
  return { files: held.length, hash: dataHash(held), from, to };
}
