import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { FailureType } from '../../contracts/failures.js';
import type { Mirror } from '../../contracts/storage/index.js';
import { fail } from '../errors.js';

/** `code` of an error of Node's file system calls. */
export const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
};

export const isMissing = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(codeOf(error));

const MEANINGS: Readonly<Record<string, readonly [FailureType, string]>> = {
  EACCES: ['AccessDenied', "Let the worker's user read, write and enter it: run it as the access point's uid"],
  EPERM: ['AccessDenied', "Let the worker's user change what is there: run it as the access point's uid"],
  EROFS: ['AccessDenied', 'It is mounted read-only: mount it for writing'],
  ENOSPC: ['QuotaExceeded', 'The file system is full: make room'],
  EDQUOT: ['QuotaExceeded', "The user's quota of the file system is used up: raise it"],
};

/**
 * A failure of a mount's file system. It says which mount, and neither the file nor the error's own words, which have the path: that is made
 * of a key.
 */
export function mountFailure(error: unknown, { path }: Pick<Mirror, 'path'>, action: string): Error {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  const code = codeOf(error) || 'an unexpected error';
  const [type, advice] = MEANINGS[code] ?? [
    'ServiceUnavailable',
    'It is tried again; if it lasts, look at the mount on the worker',
  ];
  return fail(type, `${path}: ${action} failed: ${code}. ${advice}`);
}
