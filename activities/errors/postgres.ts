import { type About, fields, type Verdict } from './verdict.js';

/** Whether what was attempted was the ledger's, or the error is the PostgreSQL client's. */
export function isLedger(error: unknown, { action, resource }: About): boolean {
  return (
    /ledger|postgres/i.test(`${action} ${resource}`) ||
    /^Connection terminated|when trying to connect/.test(fields(error).message)
  );
}

/**
 * The verdict on an error of PostgreSQL by the class of its SQLSTATE (documentation of PostgreSQL, appendix A); undefined if it is none.
 * Outages, full disks, deadlocks and cancelled statements pass; a refused log-in or right doesn't; the rest is a fault of the request.
 */
export function classifyPostgres(error: unknown): Verdict | undefined {
  const { code, message } = fields(error);
  if (/^Connection terminated|timeout exceeded when trying to connect/.test(message)) {
    return { type: 'LedgerUnavailable', text: message };
  }
  if (!isDatabaseError(error) || !/^[0-9A-Z]{5}$/.test(code)) return undefined;
  const text = `${message} (SQLSTATE ${code})`;
  if (/^(08|53|57|58|40)|^55P03/.test(code)) return { type: 'LedgerUnavailable', text };
  if (/^28|^42501/.test(code)) {
    return {
      type: 'AccessDenied',
      text,
      fix: "Correct the user and password of DATABASE_URL, or grant that user the ledger's schema",
    };
  }
  if (/^(3D000|42P01)/.test(code)) {
    return {
      type: 'ResourceMissing',
      text,
      fix: 'Create the database that DATABASE_URL names, and start the worker, which migrates it',
    };
  }
  return {
    type: 'InvalidRequest',
    text,
    fix: "The ledger's schema and this version differ: run its migrations, then ledger rebuild",
  };
}

/** The client's DatabaseError is known by the severity that the server sends with each error. */
const isDatabaseError = (error: unknown) =>
  typeof (error as { severity?: unknown } | null | undefined)?.severity === 'string';
