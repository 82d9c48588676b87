import type { S3Client } from '@aws-sdk/client-s3';
import type { Definition } from '../../contracts/definition/index.js';
import { runId } from '../../contracts/names.js';
import type { Prepared } from '../../contracts/prepare.js';
import { publishedBy } from '../prepare/published.js';

/** What a run that takes up others need not ask the warehouse for again, or why it must. */
export type PreparedBefore =
  { readonly prepared: Prepared; readonly words: string } | { readonly prepared?: undefined; readonly words: string };

/**
 * Looks for a publication of the runs that are taken up, the newest first, that is there still as it was made, and made as the definition says now.
 */
export async function preparedBefore(
  s3: S3Client,
  definition: Definition,
  runTimes: readonly string[],
): Promise<PreparedBefore | undefined> {
  if (!definition.prepare) return undefined;
  const whyNot: string[] = [];
  for (const runTime of runTimes) {
    const run = runId(definition.name, runTime);
    const found = await publishedBy(s3, definition, { model: definition.name, run, runTime });
    if (found === undefined) continue;
    if (typeof found !== 'string') {
      const prepared = { ...found, by: found.by ?? run };
      return { prepared, words: `uses ${prepared.rows} rows that ${prepared.by} published to ${prepared.publishedTo}` };
    }
    whyNot.push(`what ${run} published can't be used: ${found}`);
  }
  return { words: `asks the warehouse again, as ${whyNot[0] ?? 'nothing was published'}` };
}
