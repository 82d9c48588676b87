import { defineSearchAttributeKey } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../contracts/names.js';

/** Typed search attributes that workflows set. */
export const MODEL = defineSearchAttributeKey(SEARCH_ATTRIBUTES.model, 'KEYWORD');
export const STAGE = defineSearchAttributeKey(SEARCH_ATTRIBUTES.stage, 'KEYWORD');
export const OUTCOME = defineSearchAttributeKey(SEARCH_ATTRIBUTES.outcome, 'KEYWORD');

/** Set by Temporal on what a schedule started: the nominal time. */
export const SCHEDULED = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');
