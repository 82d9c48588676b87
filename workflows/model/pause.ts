import { log } from '@temporalio/workflow';
import type { Definition } from '../../contracts/definition/index.js';
import { causeOf } from '../failures.js';
import { triggering } from '../profiles.js';

/** After so many failures in a row the schedule is paused: each run costs money, and somebody has to look. */
const MOST_FAILURES = 5;

/** Pauses the model's schedule, if it has one, once too many runs in a row have failed. Never rejects. */
export async function pauseAfterFailures(definition: Definition, failures: number, reason: string): Promise<void> {
  if (failures < MOST_FAILURES || !definition.triggers.schedule) return;
  const { name } = definition;
  const note = `${failures} runs in a row failed, the last one: ${reason.slice(0, 500)}. \`perennial schedule resume ${name}\` goes on`;
  try {
    await triggering.pauseSchedule({ model: name, note });
  } catch (error) {
    log.warn(`the schedule of ${name} could not be paused: ${causeOf(error).message}`);
  }
}
