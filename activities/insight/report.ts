import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { ScoreRecord } from '../../contracts/evaluation.js';
import type { ReportData, ReportInput } from '../../contracts/insight.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { withFailures } from '../errors.js';
import { readRecord } from '../s3/records.js';
import type { InsightClients } from './index.js';

/** Outcome objects read from the ledger at the same time; its pool has ten connections. */
const READERS = 5;

/** A model's runs as the ledger has them, newest first, with what the last evaluated one predicted. */
export async function collectReport(
  { ledger, s3 }: Pick<InsightClients, 'ledger' | 's3'>,
  { model, limit }: ReportInput,
): Promise<ReportData> {
  const runs = await withFailures({ resource: 'the ledger', action: 'read runs' }, async () => {
    const index = await ledger();
    const rows = await index.listRuns({ model, limit });
    const outcomes = await pLimit(READERS).map(rows, async ({ run }) => {
      heartbeat();
      return (await index.getRun(run))?.outcome;
    });
    // One that is gone between the two is of an index that was made again meanwhile.
    return outcomes.filter((outcome) => outcome !== undefined);
  });
  return { model, runs, ...(await lastScore(s3, runs)) };
}

async function lastScore(
  s3: InsightClients['s3'],
  runs: readonly OutcomeObject[],
): Promise<Pick<ReportData, 'score' | 'noScore'>> {
  const judged = runs.find(({ evaluation }) => evaluation !== undefined);
  if (!judged?.evaluation) return {};
  const { scoreUri } = judged.evaluation.candidate;
  const { bucket, key } = parseS3Uri(scoreUri);
  const stored = await readRecord<ScoreRecord>(s3, bucket, key);
  return stored
    ? { score: { run: judged.run, record: stored.record } }
    : { noScore: `The score record of ${judged.run}, ${scoreUri}, is gone.` };
}
