import { condition, getExternalWorkflowHandle, log, setHandler } from '@temporalio/workflow';
import type { Definition } from '../../contracts/definition/index.js';
import { changeId, endpointDeletionId, type RunTime } from '../../contracts/names.js';
import type { ChangeRequest } from '../../contracts/versions.js';
import { causeOf } from '../failures.js';
import { startChange, startDeletion } from './children.js';
import { EndpointLock } from './lock.js';
import * as messages from './messages.js';

/** What the desk asks of its entity. */
interface Entity {
  definition(): Definition;
  /** Id of the run that is under way. */
  running(): string | undefined;
  /** A time that no run and no change of the model has had. */
  mint(): RunTime;
}

/**
 * Who may touch the endpoint: the run that deploys, or work by hand, which the entity starts as its children: deletions, roll-backs and
 * deployments of the live model. Work by hand goes first, and a run holds the lock only while it deploys.
 */
export class EndpointDesk {
  private readonly lock = new EndpointLock();
  /** Ids of the changes by hand that aren't over. */
  private readonly changes = new Set<string>();
  private errands = 0;
  private lastDeletion = 0;

  constructor(private readonly entity: Entity) {
    setHandler(messages.endpointWanted, ({ workflowId }) => {
      const byHand = this.changes.has(workflowId);
      // The wish of one that was over before it came: nobody would ever give the lock back.
      if (!byHand && workflowId !== entity.running()) return;
      this.lock.want(workflowId, byHand);
      void this.grant();
    });
    setHandler(messages.endpointReturned, ({ workflowId }) => this.release(workflowId));
    setHandler(messages.deleteEndpoint, () => this.delete());
    setHandler(messages.changeEndpoint, (request) => this.change(request));
  }

  get holder(): string | undefined {
    return this.lock.holder;
  }

  get busy(): boolean {
    return this.lock.busy || this.errands > 0;
  }

  /** Frees the lock, or gives up the wait for it, and lets the next in line at the endpoint. */
  release(workflowId: string): void {
    this.lock.release(workflowId);
    void this.grant();
  }

  private async delete(): Promise<{ workflowId: string }> {
    this.errands += 1;
    try {
      // Two requests of one moment are two deletions, each with the lock for itself.
      this.lastDeletion = Math.max(Date.now(), this.lastDeletion + 1);
      const at = new Date(this.lastDeletion).toISOString();
      const workflowId = endpointDeletionId(this.entity.definition().name, at);
      this.lock.want(workflowId, true);
      void this.grant();
      await condition(() => this.lock.holder === workflowId);
      const child = await startDeletion(this.entity.definition(), at).catch((error: unknown) => {
        this.lock.release(workflowId);
        throw error;
      });
      void this.follow(child.result(), workflowId);
      return { workflowId };
    } finally {
      this.errands -= 1;
    }
  }

  /** Starts the change at once, so that it can be seen and cancelled while it waits; it asks for the lock itself. */
  private async change(request: ChangeRequest): Promise<{ workflowId: string }> {
    this.errands += 1;
    try {
      const definition = this.entity.definition();
      const at = this.entity.mint();
      const workflowId = changeId(request.kind, definition.name, at);
      // Known before it can ask.
      this.changes.add(workflowId);
      const child = await startChange(definition, workflowId, at, request).catch((error: unknown) => {
        this.changes.delete(workflowId);
        throw error;
      });
      void this.follow(child.result(), workflowId);
      return { workflowId };
    } finally {
      this.errands -= 1;
    }
  }

  private async follow(result: Promise<unknown>, workflowId: string): Promise<void> {
    this.errands += 1;
    try {
      await result;
    } catch (error) {
      // The child itself is red and says why; the entity goes on.
      log.warn(`${workflowId}: ${causeOf(error).message}`);
    } finally {
      this.errands -= 1;
      this.changes.delete(workflowId);
      this.lock.release(workflowId);
      await this.grant();
    }
  }

  private async grant(): Promise<void> {
    const holder = this.lock.grant();
    // A deletion is started once it has the lock, and needs no signal.
    if (holder === undefined || (holder !== this.entity.running() && !this.changes.has(holder))) return;
    try {
      await getExternalWorkflowHandle(holder).signal(messages.endpointGranted);
    } catch (error) {
      log.warn(`${holder} was gone when it got the endpoint: ${causeOf(error).message}`);
    }
  }
}
