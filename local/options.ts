import { resolve } from 'node:path';
import type { EngineName } from '../engine/engine.js';
import type { Ports } from './ports.js';
import type { ServiceName } from './services/service.js';
import type { Progress } from './tools/install.js';

export interface StartOptions {
  /** Everything local mode keeps is under this folder; `.perennial` of the project by custom. */
  readonly stateDir: string;
  /** Ports that must be used; 0 asks for a free one. The others are those of the last time, else the usual ones, else free ones. */
  readonly ports?: Partial<Ports>;
  /** Container engine that training and endpoints run in; without it SAGEMAKER_LOCAL_ENGINE's, else processes of this machine. */
  readonly engine?: EngineName | 'auto' | undefined;
  /** All by default. */
  readonly services?: readonly ServiceName[];
  /** False leaves the worker out. */
  readonly worker?: boolean;
  /** Receives progress and notices, one line at a time, also after the start. */
  readonly onProgress?: Progress;
  /** False keeps nothing beyond this run: for tests. */
  readonly persist?: boolean;
  /** Aborting it ends a start that is under way and stops what it had started. */
  readonly signal?: AbortSignal;
  /** Pause before a service that died is started again, in milliseconds; it doubles with every death. 250 by default. */
  readonly backoffMs?: number;
  /** Time between two probes of a service that runs, in milliseconds; 5,000 by default. One that hangs is killed and started again. */
  readonly probeEveryMs?: number;
}

/** Local mode already runs in the folder. */
export class AlreadyRunning extends Error {
  constructor(
    readonly pid: number,
    stateDir: string,
  ) {
    const where = stateDir === resolve('.perennial') ? '' : ` --state-dir '${stateDir}'`;
    super(
      `Local mode already runs in ${stateDir}, as process ${pid}. Use it, or stop it with \`perennial down${where}\`.`,
    );
    this.name = 'AlreadyRunning';
  }
}
