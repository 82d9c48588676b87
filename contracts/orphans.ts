/** Something in SageMaker that a run left behind, or that looks like it. */
export interface Orphan {
  readonly kind: 'training job' | 'transform job' | 'endpoint config' | 'model' | 'endpoint';
  readonly name: string;
  readonly model: string;
  /** Workflow id that the resource's tag names: of a run, of a change by hand, or of a batch transform. */
  readonly run: string;
  /** SageMaker's status, for what has one. */
  readonly status?: string;
  /**
   * left: no run needs it, and `--stop` stops or removes it; unproven: an endpoint serves what its run never verified, which a person
   * decides on; foreign: nothing is known here of its run, which may be another namespace's.
   */
  readonly state: 'left' | 'unproven' | 'foreign';
  /** For people: why it is listed, and for what is not `left` what to do. */
  readonly reason: string;
}

/** Input of `orphans` -> OrphanReport. */
export interface OrphansInput {
  /** Stop and remove what is `left`. */
  readonly stop: boolean;
}

export interface OrphanReport {
  readonly orphans: readonly Orphan[];
  /** How many more there are than one answer lists: ask again once these are gone. */
  readonly more: number;
  /** With `stop`: what was done, in the order of `orphans` that are `left`. */
  readonly stopped: readonly StoppedOrphan[];
}

export interface StoppedOrphan {
  readonly kind: Orphan['kind'];
  readonly name: string;
  /** kept: a run took it up meanwhile, or an endpoint uses it by now; refused: SageMaker did, for the reason given. */
  readonly done: 'stopping' | 'stopped' | 'removed' | 'gone already' | 'kept' | 'refused';
  readonly reason?: string;
}
