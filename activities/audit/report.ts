import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import type { TargetReport } from '../../contracts/purge/index.js';
import { parseS3Uri } from '../../contracts/names.js';
import { fail, missingAsUndefined, withFailures } from '../errors.js';

const LINES_A_HEARTBEAT = 10_000;

/** The beginning of a report, how many targets it has in all, and its SHA-256 (hex). */
interface ReadReport {
  readonly targets: readonly TargetReport[];
  readonly lines: number;
  readonly hash: string;
}

/**
 * Reads the report of a purge, a target a line, and holds its first `most` lines alone.
 * @param each is told every line
 * @throws ResourceMissing if it is gone; DataInvalid if its SHA-256 isn't `expected`
 */
export async function readReport(
  s3: S3Client,
  uri: string,
  { most, expected, each }: { most: number; expected?: string | undefined; each?: (target: TargetReport) => void },
): Promise<ReadReport> {
  const { bucket, key } = parseS3Uri(uri);
  const report = await withFailures({ resource: uri, action: 'read', permission: 's3:GetObject' }, async () => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const hash = createHash('sha256');
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const targets: TargetReport[] = [];
    let lines = 0;
    await Promise.all([
      pipeline(Body as NodeJS.ReadableStream, counted),
      (async () => {
        for await (const line of createInterface({ input: counted, crlfDelay: Infinity })) {
          if (line === '') continue;
          const target = parseLine(line, uri);
          each?.(target);
          if (lines < most) targets.push(target);
          lines += 1;
          if (lines % LINES_A_HEARTBEAT === 0) heartbeat();
        }
      })().catch((error: unknown) => {
        // Nobody reads on: the connection is closed.
        counted.destroy();
        throw error;
      }),
    ]);
    return { targets, lines, hash: hash.digest('hex') };
  });
  if (expected !== undefined && report.hash !== expected) {
    throw fail('DataInvalid', `${uri} is not the report that the purge wrote: its SHA-256 is another. Restore it`);
  }
  return report;
}

/** The same; undefined where the report is gone. */
export const readReportIfThere = (...args: Parameters<typeof readReport>): Promise<ReadReport | undefined> =>
  missingAsUndefined(() => readReport(...args));

function parseLine(line: string, uri: string): TargetReport {
  try {
    const target = JSON.parse(line) as TargetReport;
    if (typeof target.hash === 'string' && target.hash !== '') return target;
  } catch {
    // Told below: what the parser says repeats the line.
  }
  throw fail('DataInvalid', `${uri} has a line that is no target: restore the report that the purge wrote`);
}
