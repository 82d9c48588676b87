import type { Definition } from './definition/index.js';

/** Key of the entity's memo that says which events start runs. The listener reads it from the list of entities, one query for all. */
export const TRIGGERS_MEMO = 'triggers';

/** How old the listener's list of models may be, in ms. */
export const LIST_AGE_MS = 15_000;

/** What of a definition the listener must know to tell which events concern its model. */
export interface ModelTriggers {
  readonly data: Pick<Definition['data'], 'bucket' | 'prefix' | 'channels' | 'output'>;
  readonly newData?: { readonly debounce: string };
  readonly events?: Definition['triggers']['events'];
  /** Why events start nothing at the moment. */
  readonly paused?: string;
}

/** Objects that no run was asked for yet; epoch ms. */
export interface Arrivals {
  readonly first: number;
  readonly last: number;
}

/** What the entity knows of its event triggers, carried over when it continues as new. */
export interface EventState {
  readonly arrivals?: Arrivals;
  /** Epoch ms at which a look at the data is due whatever arrives: what came before the listener knew of the model. */
  readonly lookAt?: number;
  /** Why events start nothing, until `schedule resume`. */
  readonly paused?: string;
}
