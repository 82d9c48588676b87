import type { OrphanReport, OrphansInput } from '../contracts/orphans.js';
import type { PreparePreview } from '../contracts/prepare.js';
import type { ResumeInput, ResumePlan } from '../contracts/resume.js';
import type {
  InvokeInput,
  InvokeResult,
  LedgerAnswer,
  LedgerQuery,
  Preview,
  PreviewInput,
} from '../contracts/questions.js';
import { orphanage, questions, rebuilding } from './profiles.js';
import { workflowInfo } from '@temporalio/workflow';

// Short workflows behind the CLI: what needs AWS or the ledger runs on the worker, where the rights are.

/** What a run would find and do now. Writes nothing. */
export async function preview({ definition, request }: PreviewInput): Promise<Preview> {
  const now = new Date().toISOString();
  const asOf = request.asOf ?? now.slice(0, 10);
  const ref = { model: definition.name, run: workflowInfo().workflowId, runTime: now };
  const [seen, prepare] = await Promise.all([
    questions.previewRun({ ref, definition, asOf, force: request.force ?? false }),
    definition.prepare ? questions.previewPrepare({ definition, asOf }) : undefined,
  ]);
  const found = prepare ? withPreparation(seen, prepare) : seen;
  return request.noDeploy ? { ...found, endpointAction: 'none' } : found;
}

/** What is there now is looked at before the warehouse would have made the as-of date's data: it says what that changes. */
function withPreparation(seen: Preview, prepare: PreparePreview): Preview {
  const { asOf, reasons, wouldTrain } = seen;
  const { publishTo, published, foreign, problems } = prepare;
  if (foreign > 0 || problems.length > 0) {
    const refused =
      foreign > 0 ? [`${publishTo} holds ${foreign} objects that no export made: a run refuses them`] : [];
    return {
      ...seen,
      ...{ prepare, wouldTrain: false, endpointAction: 'none' },
      reasons: [...refused, ...problems],
    };
  }
  const first =
    published > 0
      ? `the warehouse would prepare the data of ${asOf} first: other rows than those of ${publishTo} replace it and are news`
      : `the warehouse would prepare the data of ${asOf} first, which is new`;
  const before = reasons.map((reason) => `without it: ${reason}`);
  const trains = wouldTrain || published === 0;
  return {
    ...seen,
    ...{ prepare, wouldTrain: trains, reasons: [first, ...before] },
    ...(!trains && { endpointAction: 'none' }),
  };
}

/** One request to a model's endpoint; rows and answer travel as exchange objects. */
export async function invoke({ definition, ...exchange }: InvokeInput): Promise<InvokeResult> {
  return questions.invokeEndpoint({ definition, endpoint: definition.endpoint.name, ...exchange });
}

export async function ledgerQuery(query: LedgerQuery): Promise<LedgerAnswer> {
  switch (query.kind) {
    case 'listRuns':
      return { kind: query.kind, ...(await questions.listRuns(query)) };
    case 'showRun':
      return { kind: query.kind, ...(await questions.showRun(query)) };
    case 'rebuild':
      return { kind: query.kind, ...(await rebuilding.rebuildLedger(query)) };
  }
}

/** Where a run would go on that takes up another; fails with the reason if it can't. Writes nothing. */
export async function resumable(input: ResumeInput): Promise<ResumePlan> {
  return questions.planResume(input);
}

/** What runs that ended badly left in SageMaker; with `stop` it is stopped and removed. */
export async function orphans({ stop }: OrphansInput): Promise<OrphanReport> {
  const found = await orphanage.findOrphans();
  const left = found.orphans.filter(({ state }) => state === 'left');
  if (!stop || left.length === 0) return { ...found, stopped: [] };
  return { ...found, ...(await orphanage.stopOrphans({ orphans: left })) };
}
