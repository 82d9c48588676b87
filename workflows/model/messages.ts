import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Definition } from '../../contracts/definition/index.js';
import type { ChangeRequest } from '../../contracts/versions.js';
import { MESSAGES, type ModelStatus, type RunReceipt, type RunRequest } from '../../contracts/runs.js';

export const requestRun = defineUpdate<RunReceipt, [RunRequest]>(MESSAGES.requestRun);
export const requestRuns = defineUpdate<readonly RunReceipt[], [readonly RunRequest[]]>(MESSAGES.requestRuns);
export const runWanted = defineSignal<[RunRequest]>(MESSAGES.runWanted);
export const dataArrived = defineSignal(MESSAGES.dataArrived);
export const pauseEvents = defineSignal<[{ note?: string }]>(MESSAGES.pauseEvents);
export const apply = defineUpdate<{ changed: boolean }, [Definition]>(MESSAGES.apply);
export const deleteEndpoint = defineUpdate<{ workflowId: string }, []>(MESSAGES.deleteEndpoint);
export const changeEndpoint = defineUpdate<{ workflowId: string }, [ChangeRequest]>(MESSAGES.changeEndpoint);
export const dropQueued = defineUpdate<boolean, [string]>(MESSAGES.dropQueued);
export const retire = defineSignal(MESSAGES.retire);
export const status = defineQuery<ModelStatus>(MESSAGES.status);
export const endpointWanted = defineSignal<[{ workflowId: string }]>(MESSAGES.endpointWanted);
export const endpointReturned = defineSignal<[{ workflowId: string }]>(MESSAGES.endpointReturned);
export const endpointGranted = defineSignal(MESSAGES.endpointGranted);
