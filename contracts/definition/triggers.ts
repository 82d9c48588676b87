import { z } from 'zod';
import { fixedSpan, timeZone } from './fields.js';

type Scalar = string | number | boolean;

/** What an event's detail must hold: each key there, with this value or one of a list; maps go deeper. */
interface DetailPattern {
  readonly [key: string]: Scalar | readonly Scalar[] | DetailPattern;
}

const isScalar = (value: unknown): value is Scalar => ['string', 'number', 'boolean'].includes(typeof value);

function* patternFaults(pattern: object, path: readonly string[] = []): Generator<{ path: string[]; message: string }> {
  for (const [key, wanted] of Object.entries(pattern)) {
    const at = [...path, key];
    if (isScalar(wanted)) continue;
    if (wanted === null || wanted === undefined) yield { path: at, message: 'must say which value is wanted' };
    else if (!Array.isArray(wanted)) yield* patternFaults(wanted as object, at);
    else if (wanted.length === 0) yield { path: at, message: 'must have at least one allowed value' };
    else if (!wanted.every(isScalar))
      yield {
        path: at,
        message:
          'must list plain values only: content filters (prefix, exists, …) belong in the EventBridge rule that fills the queue',
      };
  }
}

const detail = z
  .record(z.string(), z.unknown())
  .superRefine((pattern, ctx) => {
    for (const { path, message } of patternFaults(pattern)) ctx.addIssue({ code: 'custom', path, message });
  })
  .transform((pattern) => pattern as DetailPattern)
  .describe('What its detail must hold: each key with this value or one of a list; maps go deeper.')
  .meta({ examples: [{ state: ['SUCCEEDED'] }] });

const event = z.strictObject({
  source: z
    .string()
    .min(1)
    .max(256)
    .describe('Source of the event.')
    .meta({ examples: ['my.pipeline'] }),
  detailType: z
    .string()
    .min(1)
    .max(128)
    .describe('Detail-type of the event.')
    .meta({ examples: ['Preprocessing finished'] }),
  detail: detail.optional(),
});

/** What starts runs. */
export const triggers = z
  .strictObject({
    schedule: z
      .strictObject({
        cron: z
          .string()
          .regex(/^\S+( \S+){4}$/, { error: 'must have five fields: minute hour day month weekday' })
          .describe('When to look for new data.')
          .meta({ examples: ['0 9 * * *'] }),
        timeZone: timeZone.default('UTC'),
      })
      .describe('A cron schedule.')
      .optional(),
    newData: z
      .strictObject({
        debounce: fixedSpan(
          'How long no object may have arrived before a run starts; it waits four times as long at the most.',
          '1s',
          '1d',
        )
          .default('10m')
          .meta({ examples: ['10m'] }),
        timeZone: timeZone
          .describe(
            "Time zone of the as-of date of runs started by data or events; the schedule's, or UTC, by default.",
          )
          .optional(),
      })
      .describe('Start a run when dated objects arrive under the prefix of train or a channel.')
      .optional(),
    events: z
      .array(event)
      .min(1, { error: 'must name at least one event' })
      .max(20, { error: 'must have at most 20 events' })
      .describe('EventBridge events that start a run at once.')
      .meta({ examples: [[{ source: 'my.pipeline', detailType: 'Preprocessing finished' }]] })
      .optional(),
  })
  .describe('What starts a run besides the command line.');
