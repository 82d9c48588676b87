import type { PurgePlanInput, PurgePlanned } from '../../contracts/purge/process.js';
import { workflowInfo } from '@temporalio/workflow';
import { checkTargets, storageOf } from './input.js';
import { planning } from './profiles.js';

/** What a purge of the list would erase, and what saw it. Writes nothing but the answers, to exchange objects. */
export async function purgePlan(input: PurgePlanInput): Promise<PurgePlanned> {
  const { targetsUri, options = {}, outputs } = input;
  const { runId, startTime } = workflowInfo();
  const ref = { request: 'plan', execution: runId, startedAt: startTime.toISOString() };
  const named = { ref, storage: await storageOf(input), targetsUri, options };
  const targets = await planning.inspectTargets(named);
  checkTargets(targets, options.column);
  const work = { ...named, targetsHash: targets.hash };
  const [lineage] = await Promise.all([
    planning.lineageOfTargets({ ...work, outputUri: outputs.lineage }),
    ...(targets.values > 0
      ? [planning.planRows({ ...work, outputUri: outputs.rows })]
      : [
          planning.planObjects({ ...work, outputUri: outputs.objects }),
          planning.planCopies({ ...work, outputUri: outputs.copies }),
        ]),
  ]);
  return { targets, lineage };
}
