import { type About, fields, type Verdict } from './verdict.js';
import type { FailureType } from '../../contracts/failures.js';

/** Error codes (`name`) of the AWS clients, in the order they are looked at. */
const CODES: readonly (readonly [RegExp, FailureType])[] = [
  [
    /^(Throttl\w*|TooManyRequests\w*|RequestThrottled\w*|SlowDown|RequestLimitExceeded|BandwidthLimitExceeded|PriorRequestNotComplete|TooManyUpdates|ModelNotReadyException)$/,
    'Throttled',
  ],
  [
    /^(KMS\.)?(Disabled(Exception)?|KMSInvalidState(Exception)?|KMSNotFoundException|InvalidKeyId|InvalidKeyUsageException|KeyUnavailableException|KMSInvalidStateException|KMSAccessDeniedException|KMSDisabledException)$/,
    'KeyUnusable',
  ],
  [/^KMS\.NotFoundException$/, 'KeyUnusable'],
  [/^(ResourceLimitExceeded|ParameterLimitExceeded|ServiceQuotaExceeded\w*|TooManyBuckets)$/, 'QuotaExceeded'],
  [/^(InsufficientCapacity\w*|InsufficientInstanceCapacity|CapacityError)$/, 'NoCapacity'],
  [
    /^(AccessDenied\w*|Forbidden|AllAccessDisabled|NotAuthorized\w*|AuthorizationError|UnauthorizedOperation|403)$/,
    'AccessDenied',
  ],
  [
    /^(NoSuchBucket|NoSuchKey|NoSuchVersion|NotFound|404|ParameterNotFound|ParameterVersionNotFound|ResourceNotFound\w*|NotFoundException)$/,
    'ResourceMissing',
  ],
  [/^(ResourceInUse\w*|ConflictException|ParameterAlreadyExists|ResourceAlreadyExists\w*)$/, 'NameConflict'],
  [/^PreconditionFailed$/, 'RecordConflict'],
  [
    /^(ConditionalRequestConflict|OperationAborted|InternalFailure|InternalError|InternalServer\w*|InternalDependency\w*|ServiceUnavailable\w*|ServiceUnavailableException|KMSInternalException|DependencyTimeoutException)$/,
    'ServiceUnavailable',
  ],
];

/** Codes that say the worker's own credentials are at fault, with what to do. */
const CREDENTIALS: readonly (readonly [RegExp, string])[] = [
  [
    /^(ExpiredToken\w*|RequestExpired|TokenRefreshRequired|CredentialsProviderError|ProviderError|UnrecognizedClient\w*|InvalidClientTokenId|InvalidAccessKeyId|InvalidToken|MissingAuthenticationToken\w*|IncompleteSignature\w*|OptInRequired)$/,
    "Renew the worker's AWS credentials: its role, AWS_PROFILE or AWS_ACCESS_KEY_ID",
  ],
  [
    /^(InvalidSignature\w*|SignatureDoesNotMatch|RequestTimeTooSkewed)$/,
    "Check the worker's AWS secret key, and that its clock is right",
  ],
];

/** Texts of ValidationException and of access errors, which carry many meanings under one code. */
const TEXTS: readonly (readonly [RegExp, FailureType])[] = [
  [
    /\b(CapacityError|InsufficientInstanceCapacity)\b|Unable to provision requested ML compute capacity|insufficient capacity/i,
    'NoCapacity',
  ],
  [
    /\b(kms|key)\b.*(is disabled|pending deletion|pending import|does not exist|is not found|not enabled|invalid state|is invalid)/is,
    'KeyUnusable',
  ],
  [
    /Could not assume role|not authorized to assume|trust relationship|Access denied|role .* does not exist/i,
    'RolePropagating',
  ],
  [/^Rate exceeded|Too many requests/i, 'Throttled'],
  [/^No S3 objects found/i, 'DataInvalid'],
  [/Requested resource not found|^Could not find|^(Endpoint|Model) .* not found/i, 'ResourceMissing'],
  [/already existing|already exists|must be unique/i, 'NameConflict'],
  [/service limit|limit exceeded|quota/i, 'QuotaExceeded'],
];

/** The verdict on an error of an AWS client; undefined if it is none. */
export function classifyAws(error: unknown, about: About): Verdict | undefined {
  const { name, message } = fields(error);
  const status = httpStatus(error);
  const text =
    message === '' || message === 'UnknownError'
      ? `${name || 'an error'}${status ? ` (HTTP ${status})` : ''}`
      : message;

  const fix = CREDENTIALS.find(([code]) => code.test(name))?.[1];
  if (fix) return { type: 'AccessDenied', text: `${name}: ${text}`, fix };
  if (/^Region is missing/.test(message)) return { type: 'InvalidRequest', text, fix: 'Set AWS_REGION for the worker' };
  // A KMS key that doesn't exist is a plain NotFoundException of that client.
  if (name === 'NotFoundException' && /^kms:/.test(about.permission ?? about.action))
    return { type: 'KeyUnusable', text };

  const known = CODES.find(([code]) => code.test(name))?.[1];
  if (known === 'AccessDenied') return denied(text);
  if (known === 'QuotaExceeded' || known === undefined) {
    // A quota's text can be about capacity, and a validation's about almost anything.
    const told =
      status === undefined && known === undefined ? undefined : TEXTS.find(([words]) => words.test(message))?.[1];
    if (told === 'NoCapacity' || (told && known === undefined && isRefusal(status))) return { type: told, text };
  }
  if (known) return { type: known, text };
  return byStatus(status, text, isThrottling(error));
}

/** The verdict that HTTP's own meaning gives where nothing more is known. */
function byStatus(status: number | undefined, text: string, throttling: boolean): Verdict | undefined {
  if (throttling || status === 429) return { type: 'Throttled', text };
  if (status === undefined) return undefined;
  if (status >= 500 || status === 408) return { type: 'ServiceUnavailable', text };
  if (status === 401 || status === 403) return denied(text);
  if (status === 404) return { type: 'ResourceMissing', text };
  if (status === 412) return { type: 'RecordConflict', text };
  if (status === 301) return { type: 'InvalidRequest', text, fix: "Set AWS_REGION to the bucket's region" };
  // A body that is no answer of AWS, such as a proxy's page, is reported with a good status.
  return status >= 400 ? { type: 'InvalidRequest', text } : { type: 'ServiceUnavailable', text };
}

/** IAM names the missing right in its text, and that can be another than the one asked for: iam:PassRole, kms:GenerateDataKey. */
function denied(text: string): Verdict {
  const permission = /not authorized to perform:? ([a-z0-9-]+:\w+)/i.exec(text)?.[1];
  if (/\b(kms|key)\b.*(is disabled|pending deletion)/is.test(text)) return { type: 'KeyUnusable', text };
  return { type: 'AccessDenied', text, ...(permission && { permission }) };
}

const isRefusal = (status: number | undefined) => status !== undefined && status >= 400 && status < 500;

function httpStatus(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null | undefined)?.$metadata?.httpStatusCode;
}

function isThrottling(error: unknown): boolean {
  return (error as { $retryable?: { throttling?: boolean } } | null | undefined)?.$retryable?.throttling === true;
}
