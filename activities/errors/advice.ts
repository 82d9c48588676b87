import type { FailureType } from '../../contracts/failures.js';

const RETRIED = 'It is tried again';

/** One sentence on what to do about a failure that another service's answer led to. */
export function advice(type: FailureType, permission: string | undefined): string {
  switch (type) {
    case 'Throttled':
      return `${RETRIED} more slowly; if it lasts, spread the schedules or ask for a higher request quota`;
    case 'ServiceUnavailable':
      return `${RETRIED}; if it lasts, look at the service's health and the worker's log`;
    case 'NetworkError':
      return `${RETRIED}; if it lasts, check the worker's network, its VPC endpoints and AWS_ENDPOINT_URL`;
    case 'RolePropagating':
      return `${RETRIED}, as a new role takes some seconds to spread; if it lasts, let the role trust sagemaker.amazonaws.com and give it what the message names`;
    case 'LedgerUnavailable':
      return `${RETRIED}; if it lasts, check that PostgreSQL runs and DATABASE_URL points to it`;
    case 'SlackUnavailable':
      return `${RETRIED}; the run goes on without it`;
    case 'AccessDenied':
      return permission
        ? `Allow ${permission} on it to the worker's role`
        : "Give the worker's role the right to do so";
    case 'KeyUnusable':
      return 'Enable the KMS key and allow its use, or name another one under encryption in the definition';
    case 'QuotaExceeded':
      return 'Ask for more in the Service Quotas console (Amazon SageMaker), or name another instance type in the definition';
    case 'ResourceMissing':
      return 'Create it, or correct its name in the definition';
    case 'NameConflict':
      return 'Remove or rename what has the name, then start a new run';
    case 'DataInvalid':
      return 'Put the data right, then start a new run';
    case 'RecordConflict':
      return 'It was written by something else meanwhile: start a new run';
    case 'SlackRefused':
      return 'Correct the channel or the token named under notify.slack; the run goes on without it';
    case 'NoCapacity':
      return 'The next instance type of the definition is tried';
    default:
      return 'Correct the definition, then start a new run';
  }
}
