import { DatabaseError } from 'pg';
import { TemporalFailure, type ApplicationFailure } from '@temporalio/common';
import type { FailureType } from '../../contracts/failures.js';
import { fail, toFailure } from '../errors.js';

/** What was done when the warehouse's error came. */
export interface Doing {
  /** The warehouse, as people know it: `cluster my-cluster, database dev`. */
  readonly warehouse: string;
  /** `load public.sales`, `setup.sql`, `the query`. */
  readonly action: string;
  /** Seconds that it took, where these are its time limit. */
  readonly tookTooLong?: number;
}

/** Classes of SQLSTATE whose messages quote values: data exceptions, constraint violations (PostgreSQL, appendix A). */
const QUOTES_VALUES = /^(22|23)/;
/** Administrator's command, operator's intervention, shutdown, out of resources, connection, serialization, lock not available. */
const PASSING = /^(08|40|53|55P03|57P0[123]|58)/;

/** Words of Redshift for temporary credentials that are over, under the code of wrong ones. */
const EXPIRED = /token has expired/i;
/** A user, and a database, that are not there. */
const UNKNOWN = /^(42704|3D000)$/;

/** Redshift gives it to all that goes wrong between it and S3, and to rows that fit no table: only the words tell which it is. */
const INTERNAL = 'XX000';

const NO_FIT = {
  type: 'DataInvalid',
  advice: 'What the warehouse says of it may quote a value and is left out here: run the statement by hand to see it',
  text: 'the data does not fit',
} as const;

/** What COPY, UNLOAD and conversions say with that code (Redshift documentation, COPY errors). `text` stands in for words that may name a key of data. */
const LOAD_ERRORS: readonly { says: RegExp; type: FailureType; advice: string; text?: string }[] = [
  {
    says: /^Load into table /,
    type: 'DataInvalid',
    advice:
      'stl_load_errors, or sys_load_error_detail on Serverless, names object, line and column: put the raw data right, or delimiter, timeFormat and dateFormat of the load, then start a new run',
    text: 'a row does not fit the table',
  },
  {
    says: /^The specified S3 prefix /,
    type: 'DataInvalid',
    advice: 'Upload the raw data, or correct from of the load, then start a new run',
    text: 'there is no object under its prefix',
  },
  {
    says: /NoSuchKey|None of the objects of the manifest|not in correct json format/,
    type: 'DataInvalid',
    advice: 'Look at the manifest that from of the load names, and at what it lists, then start a new run',
    text: 'the manifest is missing or no manifest, or lists an object that is missing',
  },
  {
    says: /NoSuchBucket/,
    type: 'ResourceMissing',
    advice: 'Create the bucket, or correct the S3 URI, then start a new run',
    text: 'S3 has no such bucket',
  },
  {
    says: /AccessDenied|Access Denied|Status 403|not authorized to (assume|get credentials)/i,
    type: 'AccessDenied',
    advice:
      'Attach prepare.redshift.role to the warehouse, and give it the right to list and read what is loaded, to write what is exported, and to use the KMS key',
    text: 'S3 or IAM refused the role',
  },
  // Of a conversion: `Invalid digit, Value 'x', Pos 0, Type: Integer`.
  { says: /\bvalue '|Invalid digit|data overflow|too long for type/i, ...NO_FIT },
  {
    says: /Status 5\d\d|SlowDown/,
    type: 'ServiceUnavailable',
    advice: 'It is tried again; if it lasts, look at S3',
    text: 'S3 could not answer',
  },
];

/** Turns an error of the warehouse's client into a failure. No value of a row, no credential and no SQL text with values is in it. */
export function warehouseFailure(error: unknown, doing: Doing): Error {
  if (error instanceof TemporalFailure) return error;
  const { warehouse, action } = doing;
  if (error instanceof DatabaseError) return refused(error, doing);
  const { message = '', code = '' } = error as { message?: string; code?: string };
  const where = `${warehouse}: ${action}`;
  if (/CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(code) || /certificate|does not support SSL/i.test(message))
    return fail(
      'AccessDenied',
      `${where} failed: TLS: ${message}. The warehouse's certificate must be one that the worker trusts: name its authority under prepare.redshift.ca, or check prepare.redshift.host`,
      { cause: error },
    );
  // The client's own words where the server wants a password and there is none, or sends what is no answer to it.
  if (/^SASL: /.test(message))
    return fail(
      'AccessDenied',
      `${where} failed: ${message}. Check user and password in the URL of prepare.redshift.urlParameter`,
      { cause: error },
    );
  if (/^Connection terminated|timeout|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT/.test(`${message} ${code}`))
    return fail(
      'NetworkError',
      `${where} failed: ${message || code}. It is tried again; if it lasts, check that the worker's network reaches host and port of the warehouse (security group, VPC endpoint, prepare.redshift.host)`,
      { cause: error },
    );
  return toFailure(error, { resource: warehouse, action });
}

function refused({ code = '', message }: DatabaseError, { warehouse, action, tookTooLong }: Doing): ApplicationFailure {
  const state = `SQLSTATE ${code}`;
  const told = (type: FailureType, advice: string, text = message) =>
    fail(type, `${warehouse}: ${action} failed: ${text} (${state}). ${advice}`);
  if (EXPIRED.test(message))
    return told('ServiceUnavailable', "Each try asks for new ones; if it lasts, compare the worker's clock with AWS's");
  if (action === 'connect' && UNKNOWN.test(code))
    return told(
      'DefinitionInvalid',
      'Create the user or database, or correct prepare.redshift, or the URL in its urlParameter, then start a new run',
    );
  if (/^28/.test(code))
    return told(
      'AccessDenied',
      'Check the database user that the definition, or the URL in its urlParameter, names, its password, and its right to connect',
    );
  if (code === '42501') return told('AccessDenied', 'Grant the database user what it lacks');
  if (code === '57014' && tookTooLong !== undefined)
    return told(
      'WaitTimedOut',
      `It took ${Math.round(tookTooLong)} s, as long as prepare.redshift.timeout allows: see what holds it up (a lock of somebody else, a full queue), or raise timeout, then start a new run`,
      'the statement was cancelled',
    );
  if (code === '57014')
    return told(
      'ServiceUnavailable',
      'Somebody or a time limit of the warehouse cancelled the statement; it is tried again',
    );
  if (PASSING.test(code)) return told('ServiceUnavailable', 'It is tried again; if it lasts, look at the warehouse');
  if (code === INTERNAL) {
    const known = LOAD_ERRORS.find(({ says }) => says.test(message));
    if (known) return told(known.type, known.advice, known.text);
  }
  if (QUOTES_VALUES.test(code)) return told(NO_FIT.type, NO_FIT.advice, NO_FIT.text);
  // Last in what comes from S3 is the key of the object.
  const text = message.replace(/,Key .*$/s, '');
  return told('DefinitionInvalid', 'Correct the statement, or create what it names, and start a new run', text);
}
