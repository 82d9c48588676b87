import { log } from '@temporalio/workflow';
import type { Definition } from '../../contracts/definition/index.js';
import { causeOf } from '../failures.js';
import { triggering } from '../profiles.js';

/** After so many failures in a row nothing starts runs by itself any more: each costs money, and somebody has to look. */
const MOST_FAILURES = 5;

/** Why schedule and events are to be paused after so many failures in a row, or undefined where they aren't yet. */
export function pauseNote(model: string, failures: number, reason: string): string | undefined {
  if (failures < MOST_FAILURES) return undefined;
  return `${failures} runs in a row failed, the last one: ${reason.slice(0, 500)}. \`perennial schedule resume ${model}\` goes on`;
}

/** Pauses the model's schedule, if it has one. Never rejects. */
export async function pauseSchedule({ name, triggers }: Definition, note: string): Promise<void> {
  if (!triggers.schedule) return;
  try {
    await triggering.pauseSchedule({ model: name, note });
  } catch (error) {
    log.warn(`the schedule of ${name} could not be paused: ${causeOf(error).message}`);
  }
}
