import { z } from 'zod';
import { parseSpan } from '../duration.js';

export const span = (what: string) =>
  z
    .string()
    .refine((text) => parseSpan(text) !== undefined, {
      error: 'must be an ISO 8601 duration (P2Y, P30D, PT5M) or 30s, 5m, 12h, 7d',
    })
    .describe(what);

export const fixedSpan = (what: string, least: string, most: string) => {
  const ms = (text: string) => parseSpan(text)?.ms ?? 0;
  return span(what)
    .refine((text) => (parseSpan(text)?.months ?? 0) === 0, { error: 'must have a fixed length: no years or months' })
    .refine((text) => ms(text) >= ms(least) && ms(text) <= ms(most), {
      error: `must lie between ${least} and ${most}`,
    });
};

export const name = (what: string, max: number) =>
  z
    .string()
    .max(max, { error: `must have at most ${max} characters: it becomes part of names of remote resources` })
    .regex(/^[a-zA-Z0-9](-*[a-zA-Z0-9])*$/, {
      error: 'must consist of letters and digits, with hyphens only between them, as SageMaker names do',
    })
    .describe(what);

export const kmsKey = (what: string) =>
  z
    .string()
    .regex(
      /^(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)\/[a-zA-Z0-9/_-]+|alias\/[a-zA-Z0-9/_-]+|[a-f0-9-]{36}|mrk-[a-f0-9]{32})$/,
      {
        error: 'must be a KMS key id, key ARN or alias (alias/name)',
      },
    )
    .describe(what);

export const instanceType = (what: string) =>
  z
    .string()
    .regex(/^ml\.[a-z0-9-]+\.[a-z0-9-]+$/, { error: 'must be a SageMaker instance type such as ml.m5.large' })
    .describe(what);

export const scalar = z.union([z.string(), z.number(), z.boolean()]);

export const timeZone = z
  .string()
  .refine(
    (zone) => {
      try {
        return Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
      } catch {
        return false;
      }
    },
    { error: 'must be an IANA time zone such as Asia/Tokyo' },
  )
  .describe('Time zone of the cron expression and of the as-of date.');

export const prefix = (what: string) =>
  z
    .string()
    .regex(/^([^/\s][^\s]*)?[^/\s]\/$/, { error: 'must end with / and not start with one, e.g. data/my-model/train/' })
    .describe(what);

/** A folder of a machine. Without `.`, `..` and `//`, so that equal folders are equal texts. */
export const folder = (what: string) =>
  z
    .string()
    .regex(/^(?!.*\/\.{1,2}(\/|$))(?!.*\/\/)\/.*[^/]$/, {
      error: 'must be an absolute folder without ., .. and //, and without a / at its end',
    })
    .describe(what);
