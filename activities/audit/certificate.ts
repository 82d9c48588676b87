import type { S3Client } from '@aws-sdk/client-s3';
import { canonicalJson } from '../../contracts/canonical.js';
import type { AuditEvent, Certificate, CertifiedExecution, ChainRow } from '../../contracts/purge/audit.js';
import type { TargetReport } from '../../contracts/purge/index.js';
import type { Storage } from '../../contracts/storage/index.js';
import type { Ledger } from '../../ledger/store.js';
import { fail, withFailures } from '../errors.js';
import { headAt, type Audit } from './heads.js';
import { readReportIfThere } from './report.js';
import { sign } from './signature.js';
import { timeAfter } from './times.js';
import { formerKeyOf, trustedKeys, trustFault } from './trust.js';
import { verifyChain, type Verifying } from './verify.js';

/** Targets of an execution in a certificate. */
const MOST_TARGETS = 1_000;

type Event<K extends AuditEvent['kind']> = Extract<AuditEvent, { kind: K }>;

const eventOf = <K extends AuditEvent['kind']>(row: ChainRow) =>
  ({ kind: row.kind, ...(JSON.parse(row.body) as object) }) as Event<K>;

/**
 * What the chain says of a request, signed. Nothing is certified of a chain that has faults.
 * @throws ResourceMissing for a request that the chain doesn't have; DataInvalid if the chain doesn't verify
 */
export async function makeCertificate(
  clients: Verifying,
  { request, storage }: { readonly request: string; readonly storage: Storage },
): Promise<Certificate> {
  const { rows } = await chainOf(clients.ledger, request);
  const last = rows.at(-1);
  if (!last) {
    throw fail('ResourceMissing', `No purge of request ${request} is in the audit chain: check the request's id`);
  }
  const { faults } = await verifyChain(clients, storage);
  if (faults.length > 0) {
    throw fail(
      'DataInvalid',
      `The audit chain has faults, so nothing is certified of request ${request}: ${faults[0]}. \`perennial audit verify\` names all of them`,
    );
  }
  const head = storage.audit && (await headAt(clients.s3, storage.audit.bucket, last.sequence));
  const unsigned = {
    version: 1 as const,
    request,
    issuedAt: new Date().toISOString(),
    ...(await toldBy(clients, request)),
    chain: { sequence: last.sequence, head: last.hash, ...(head && { headUri: head.uri }) },
  };
  if (!storage.audit) return unsigned;
  return { ...unsigned, signature: await sign(clients.kms, storage.audit.signingKey, unsigned) };
}

const chainOf = (ledger: Ledger, request: string) =>
  withFailures({ resource: 'the audit chain of the ledger', action: 'read' }, () => ledger.chainOfRequest(request));

/** What the chain says of a request, or said when `upTo` was its last row: every execution, the oldest first, and what was lifted. */
async function toldBy(
  { s3, ledger }: Pick<Verifying, 's3' | 'ledger'>,
  request: string,
  upTo = Infinity,
): Promise<Pick<Certificate, 'executions' | 'lifted'> & { readonly executions: CertifiedExecution[] }> {
  const { rows: all, targets: counts } = await chainOf(ledger, request);
  const rows = all.filter(({ sequence }) => sequence <= upTo);
  const executions: CertifiedExecution[] = [];
  for (const begun of rows.filter(({ kind }) => kind === 'requested')) {
    const requested = eventOf<'requested'>(begun);
    const { execution } = requested;
    const endedRow = rows.find((row) => row.kind === 'ended' && eventOf<'ended'>(row).execution === execution);
    const ended = endedRow && eventOf<'ended'>(endedRow);
    // They come with the end.
    const chained = (ended && counts.find((one) => one.execution === execution)?.targets) ?? 0;
    const { targets, all: count } =
      chained > 0
        ? { targets: await chainedTargets(ledger, request, execution), all: chained }
        : await reportedTargets(s3, ended, requested);
    executions.push({
      execution,
      requestedAt: begun.at,
      requested,
      ...(endedRow && ended && { endedAt: endedRow.at, ended, ...backups(endedRow.at, ended) }),
      targets: targets.map(({ hash, kind, bucket, remaining }) => ({ hash, kind, bucket, remaining })),
      moreTargets: count - targets.length,
    });
  }
  const lifted = rows.filter(({ kind }) => kind === 'lifted');
  return { executions, lifted: lifted.map((row) => ({ at: row.at, event: eventOf<'lifted'>(row) })) };
}

async function chainedTargets(ledger: Ledger, request: string, execution: string): Promise<TargetReport[]> {
  const rows = await ledger.chainTargets({ request, execution }, MOST_TARGETS);
  return rows.map(({ body }) => (JSON.parse(body) as { target: TargetReport }).target);
}

/** Of the report, whose hash is in the chain. Where it was removed the number of targets is what remains. */
async function reportedTargets(
  s3: S3Client,
  ended: Event<'ended'> | undefined,
  { targets: { objects, prefixes } }: Event<'requested'>,
): Promise<{ targets: readonly TargetReport[]; all: number }> {
  const { reportUri, reportHash: expected } = ended ?? {};
  const report =
    reportUri === undefined ? undefined : await readReportIfThere(s3, reportUri, { most: MOST_TARGETS, expected });
  return report ? { targets: report.targets, all: report.lines } : { targets: [], all: objects + prefixes };
}

/** Until when backups of the mounts may hold what was erased at a time. */
function backups(at: string, { copies }: Event<'ended'>): { backupsUntil?: string } {
  const dates = copies.mounts.map(({ backups: span }) => timeAfter(at, span)).sort();
  const backupsUntil = dates.at(-1);
  return backupsUntil === undefined ? {} : { backupsUntil };
}

const isSame = (one: unknown, other: unknown) => canonicalJson([one]) === canonicalJson([other]);

/** What is wrong with a certificate, in sentences, and what can't be said of it. */
export async function certificateFaults(
  clients: Pick<Verifying, 's3' | 'kms' | 'ledger'>,
  storage: Storage,
  certificate: Certificate,
): Promise<{ faults: string[]; notes: string[] }> {
  const name = `the certificate of request ${certificate.request}`;
  const faults: string[] = [];
  const notes: string[] = [];
  if (storage.audit) {
    const { faults: unfit, former } = await signatureFaults(clients, storage.audit, certificate);
    faults.push(...unfit.map((fault) => `${name} ${fault}`));
    if (former)
      notes.push(`${name} is signed with a key that was replaced since: a new one is signed with the present key`);
  } else notes.push(`No storage.audit.signingKey is declared: ${name} can't be told from one that was edited`);
  const { sequence, head } = certificate.chain;
  const { rows } = await clients.ledger.readChain({ sequence: sequence - 1 }, 1);
  if (rows[0]?.sequence !== sequence) faults.push(`${name} names row ${sequence}, which the chain does not have`);
  else if (rows[0].hash !== head) faults.push(`${name} names another row ${sequence} than the chain has`);
  const { executions: now } = await toldBy(clients, certificate.request);
  for (const { execution, requested, ended } of certificate.executions) {
    const found = now.find((one) => one.execution === execution);
    if (!found) faults.push(`${name} has execution ${execution}, which the chain does not have`);
    else if (!isSame(found.requested, requested) || (ended && !isSame(found.ended, ended)))
      faults.push(`${name} tells execution ${execution} otherwise than the chain`);
  }
  const more = now.length - certificate.executions.length;
  if (more > 0 || now.some(({ ended }, index) => ended && !certificate.executions[index]?.ended))
    notes.push(`The request has gone on since ${name} was issued: ask for a new one`);
  return { faults, notes };
}

/**
 * What is wrong with the signature. Whoever holds a former key can still sign, with any date: of such a certificate nothing is believed but what
 * the chain says too, of a row that was anchored while the key was in use, by S3's word.
 */
async function signatureFaults(
  clients: Pick<Verifying, 's3' | 'kms' | 'ledger'>,
  audit: Audit,
  certificate: Certificate,
): Promise<{ faults: string[]; former: boolean }> {
  const { request, issuedAt, executions, lifted, chain } = certificate;
  const trusted = await trustedKeys(clients.kms, audit);
  const former = formerKeyOf(certificate, trusted) !== undefined;
  const head = former ? await headAt(clients.s3, audit.bucket, chain.sequence) : undefined;
  const fault = trustFault(certificate, trusted, {
    'says it was issued': issuedAt,
    'the row it names was anchored': head?.written?.toISOString(),
  });
  if (fault !== undefined || !former) return { faults: fault === undefined ? [] : [fault], former };
  const told = await toldBy(clients, request, chain.sequence);
  if (isSame({ executions, lifted }, told) && chain.headUri === head?.uri) return { faults: [], former };
  return {
    faults: ['is signed with a former key and says what the chain does not say, or no longer has: ask for a new one'],
    former,
  };
}
