import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { quietRuntime } from './time-skipping.js';

/**
 * The shared dev server. What cancels belongs here: when a cancel arrives in the middle of an attempt, the time-skipping server
 * sometimes never ends the run.
 */
export async function devServerEnvironment(): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  return TestWorkflowEnvironment.createFromExistingServer(inject('temporal'));
}
