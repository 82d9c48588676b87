import { z } from 'zod';

/** What the control surface can make the sink do instead of answering. */
export const Fault = z.discriminatedUnion('mode', [
  z.strictObject({
    mode: z.literal('rate-limit'),
    retryAfter: z.number().int().positive().default(30),
    times: z.number().int().positive().optional(),
  }),
  z.strictObject({
    mode: z.literal('error'),
    error: z.string().default('fatal_error'),
    times: z.number().int().positive().optional(),
  }),
  z.strictObject({ mode: z.literal('timeout'), times: z.number().int().positive().optional() }),
  z.strictObject({
    mode: z.literal('outage'),
    status: z.number().int().min(500).max(599).default(503),
    times: z.number().int().positive().optional(),
  }),
]);
export type Fault = z.infer<typeof Fault>;

/** The fault in force, counted down if it is limited. */
export class Faults {
  private left = 0;
  current: Fault | undefined;

  set(fault: Fault | undefined): void {
    this.current = fault;
    this.left = fault?.times ?? Number.POSITIVE_INFINITY;
  }

  take(): Fault | undefined {
    const fault = this.current;
    this.left -= 1;
    if (this.left <= 0) this.current = undefined;
    return fault;
  }
}
