/**
 * The statement that writes rows of `file_versions`, which `select` answers in the order of the columns. Where a row is there already the two spans
 * become one: a span only ever widens, so runs may be indexed in any order. A row that wouldn't change isn't written.
 */
export const upsertVersions = (select: string): string =>
  `INSERT INTO file_versions AS known (bucket, key, model, channel, etag, version_id, size, date,
     first_run, first_used_at, last_run, last_used_at)
   ${select}
   ON CONFLICT (bucket, key, model, channel, etag, version_id) DO UPDATE SET
     (first_run, first_used_at) = (SELECT x.run, x.at
       FROM (VALUES (known.first_run, known.first_used_at), (EXCLUDED.first_run, EXCLUDED.first_used_at)) x (run, at)
       ORDER BY x.at, x.run LIMIT 1),
     (last_run, last_used_at) = (SELECT x.run, x.at
       FROM (VALUES (known.last_run, known.last_used_at), (EXCLUDED.last_run, EXCLUDED.last_used_at)) x (run, at)
       ORDER BY x.at DESC, x.run DESC LIMIT 1)
   WHERE (EXCLUDED.first_used_at, EXCLUDED.first_run) < (known.first_used_at, known.first_run)
      OR (EXCLUDED.last_used_at, EXCLUDED.last_run) > (known.last_used_at, known.last_run)`;
