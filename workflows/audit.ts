import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Answered } from '../contracts/insight.js';
import type {
  AuditActivities,
  AuditVerdict,
  AuditVerifyInput,
  CertifyInput,
  FindErasedInput,
} from '../contracts/purge/audit.js';
import type { StorageActivities } from '../contracts/storage/state.js';

// Short workflows behind `perennial audit` and `perennial purge certificate`. What may be personal travels as exchange objects.

const RETRY = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 5 } as const;

/** They read the whole chain, and every head or list there is. */
const audit = proxyActivities<Pick<AuditActivities, 'verifyAudit' | 'verifyCertificate' | 'certify' | 'findErased'>>({
  startToCloseTimeout: '1h',
  scheduleToCloseTimeout: '2h',
  heartbeatTimeout: '1m',
  retry: RETRY,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

const declared = proxyActivities<Pick<StorageActivities, 'declaredStorage'>>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '2m',
  retry: RETRY,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** Recomputes the chain, against the heads of the declared storage, and checks a certificate where one is given. */
export async function auditVerify({ storage: given, certificate }: AuditVerifyInput): Promise<AuditVerdict> {
  const storage = given ?? (await declared.declaredStorage()).storage;
  const verdict = await audit.verifyAudit({ ...(storage && { storage }) });
  if (!certificate) return verdict;
  const { faults, notes } = await audit.verifyCertificate(certificate);
  return { ...verdict, faults: [...verdict.faults, ...faults], notes: [...new Set([...verdict.notes, ...notes])] };
}

/** What the chain says of a request, signed. */
export async function certify(input: CertifyInput): Promise<Answered> {
  return audit.certify(input);
}

/** Which purges erased an object. */
export async function findErased(input: FindErasedInput): Promise<Answered> {
  return audit.findErased(input);
}
