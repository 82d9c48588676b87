import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SageMakerServiceException } from '@aws-sdk/client-sagemaker';
import type { ApplicationFailure } from '@temporalio/common';
import { CancelledFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { fail, isFailure, toFailure, withFailures } from '../../activities/errors.js';
import type { FailureType } from '../../contracts/failures.js';

const ABOUT = { action: 'CreateTrainingJob', resource: 'training job x' };

/** An error as the AWS clients throw it. */
const aws = (name: string, message: string, status = 400) =>
  new SageMakerServiceException({ name, message, $fault: 'client', $metadata: { httpStatusCode: status } });
const node = (code: string, message = `connect ${code}`) => Object.assign(new Error(message), { code });
const postgres = (code: string) => Object.assign(new Error('said the server'), { code, severity: 'ERROR' });
const slack = (code: string, extra: object = {}) =>
  Object.assign(new Error('An API error occurred'), { code, ...extra });

const classified = (error: unknown, about = ABOUT) => toFailure(error, about) as ApplicationFailure;

describe('which type an error becomes', () => {
  const cases: [FailureType, unknown][] = [
    ['Throttled', aws('ThrottlingException', 'Rate exceeded')],
    ['Throttled', aws('TooManyRequestsException', 'slower', 429)],
    ['Throttled', aws('SlowDown', 'Please reduce your request rate.', 503)],
    ['Throttled', aws('Whatever', 'slower', 429)],
    ['ServiceUnavailable', aws('InternalFailure', 'oops', 500)],
    ['ServiceUnavailable', aws('SomethingNew', 'oops', 502)],
    ['ServiceUnavailable', aws('OperationAborted', 'A conflicting conditional operation', 409)],
    ['NetworkError', node('ECONNREFUSED')],
    ['NetworkError', node('ECONNRESET')],
    ['NetworkError', node('ENOTFOUND')],
    ['NetworkError', node('EAI_AGAIN')],
    ['NetworkError', Object.assign(new Error('Request aborted'), { name: 'AbortError' })],
    ['NetworkError', Object.assign(new Error('socket timed out'), { name: 'TimeoutError' })],
    ['AccessDenied', aws('AccessDeniedException', 'no', 400)],
    ['AccessDenied', aws('AccessDenied', 'Access Denied', 403)],
    ['AccessDenied', aws('403', 'UnknownError', 403)],
    ['AccessDenied', aws('UnrecognizedClientException', 'The security token included in the request is invalid.')],
    ['AccessDenied', aws('ExpiredTokenException', 'expired', 403)],
    ['AccessDenied', aws('InvalidSignatureException', 'The request signature we calculated does not match', 403)],
    ['AccessDenied', Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' })],
    ['KeyUnusable', aws('KMS.DisabledException', 'arn:aws:kms:…:key/k is disabled.')],
    ['KeyUnusable', aws('KMSInvalidStateException', 'arn is pending deletion.')],
    ['KeyUnusable', aws('ValidationException', 'KMS key arn:aws:kms:x is pending deletion')],
    ['KeyUnusable', aws('InvalidKeyId', 'Invalid keyId k')],
    [
      'QuotaExceeded',
      aws('ResourceLimitExceeded', "The account-level service limit 'ml.m5.large for training job usage' is 0"),
    ],
    ['NoCapacity', aws('ResourceLimitExceeded', 'CapacityError: Unable to provision requested ML compute capacity.')],
    ['NoCapacity', aws('InsufficientInstanceCapacity', 'none left')],
    ['RolePropagating', aws('ValidationException', 'Could not assume role arn:aws:iam::1:role/r.')],
    ['RolePropagating', aws('ValidationException', 'Access denied for repository …')],
    [
      'InvalidRequest',
      aws('ValidationException', "1 validation error detected: Value 'x' at 'y' failed to satisfy constraint: …"),
    ],
    ['InvalidRequest', aws('PermanentRedirect', 'must be addressed using the specified endpoint', 301)],
    ['InvalidRequest', new Error('Region is missing')],
    ['ResourceMissing', aws('ValidationException', 'Requested resource not found.')],
    ['ResourceMissing', aws('ValidationException', 'Could not find endpoint "arn:aws:sagemaker:x".')],
    ['ResourceMissing', aws('ValidationError', 'Endpoint x of account 1 not found.')],
    ['ResourceMissing', aws('NoSuchBucket', 'The specified bucket does not exist', 404)],
    ['ResourceMissing', aws('NotFound', 'UnknownError', 404)],
    ['ResourceMissing', aws('ParameterNotFound', 'UnknownError')],
    ['NameConflict', aws('ResourceInUse', 'Training job names must be unique within an AWS account and region')],
    ['NameConflict', aws('ValidationException', 'Cannot create already existing endpoint "arn".')],
    ['RecordConflict', aws('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412)],
    [
      'DataInvalid',
      aws('ValidationException', 'No S3 objects found under S3 URL "s3://b/p" given in input data source.'),
    ],
    ['LedgerUnavailable', postgres('08006')],
    ['LedgerUnavailable', postgres('57P03')],
    ['LedgerUnavailable', postgres('53300')],
    ['LedgerUnavailable', postgres('40001')],
    ['LedgerUnavailable', new Error('Connection terminated unexpectedly')],
    ['AccessDenied', postgres('28P01')],
    ['AccessDenied', postgres('42501')],
    ['ResourceMissing', postgres('3D000')],
    ['InvalidRequest', postgres('23505')],
    ['SlackRefused', slack('slack_webapi_platform_error', { data: { ok: false, error: 'channel_not_found' } })],
    ['SlackUnavailable', slack('slack_webapi_platform_error', { data: { ok: false, error: 'internal_error' } })],
    [
      'SlackUnavailable',
      slack('slack_webapi_platform_error', { data: { ok: false, error: '<html>It works!</html>' } }),
    ],
    ['SlackUnavailable', slack('slack_webapi_rate_limited_error', { retryAfter: 7 })],
    ['SlackUnavailable', slack('slack_webapi_http_error', { statusCode: 503 })],
    ['SlackRefused', slack('slack_webapi_http_error', { statusCode: 404 })],
    ['SlackUnavailable', slack('slack_webapi_request_error', { original: node('ECONNREFUSED') })],
    ['ServiceUnavailable', new TypeError("Cannot read properties of undefined (reading 'x')")],
    ['ServiceUnavailable', 'a string'],
  ];
  it.each(cases)('%s: %s', (type, error) => {
    expect(classified(error).type).toBe(type);
  });

  it('knows that a refused connection is the ledger when the ledger was asked', () => {
    expect(classified(node('ECONNREFUSED'), { action: 'write', resource: 'ledger' }).type).toBe('LedgerUnavailable');
  });

  it('knows that what is not found is the key when the key was asked for', () => {
    const error = aws('NotFoundException', 'Invalid keyId');
    expect(classified(error, { action: 'kms:DescribeKey', resource: 'key k' }).type).toBe('KeyUnusable');
  });

  it('comes out of a real client that nothing listens for', async () => {
    const s3 = new S3Client({
      endpoint: 'http://127.0.0.1:1',
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
    });
    const call = withFailures({ action: 's3:GetObject', resource: 's3://b/k' }, () =>
      s3.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' })),
    );
    await expect(call).rejects.toMatchObject({ type: 'NetworkError', nonRetryable: false });
    s3.destroy();
  });
});

describe('what a failure says', () => {
  it('names the resource, the permission and the fix', () => {
    const failure = classified(aws('AccessDeniedException', 'no'));
    expect(failure.message).toBe(
      "training job x: CreateTrainingJob failed: no. Allow sagemaker:CreateTrainingJob on it to the worker's role",
    );
    expect(failure.nonRetryable).toBe(true);
  });

  it('names the permission that IAM named, where it is another', () => {
    const text = 'User: arn:aws:sts::1:x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/r';
    expect(classified(aws('AccessDeniedException', text)).message).toMatch(/Allow iam:PassRole on it/);
  });

  it('says how to get a higher quota', () => {
    expect(classified(aws('ResourceLimitExceeded', 'The account-level service limit')).message).toMatch(
      /Service Quotas/,
    );
  });

  it('waits as long as Slack asks for', () => {
    expect(classified(slack('slack_webapi_rate_limited_error', { retryAfter: 7 })).nextRetryDelay).toBe(7_000);
  });

  it.each([
    [
      'Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261121, Signature=abcdef0123',
      /abcdef0123|AKIAIOSF/,
    ],
    ['x-amz-security-token:FwoGZXIvYXdzEHcaDSECRET', /SECRET/],
    ['The Canonical String for this request should have been\nGET\n/\nx-amz-security-token:SECRET', /SECRET/],
    ['GET https://b.s3.amazonaws.com/k?X-Amz-Signature=SECRET&X-Amz-Credential=SECRET', /SECRET/],
    ['xoxb-123456-SECRET is invalid', /SECRET/],
    ['connect postgres://perennial:SECRET@db:5432/ledger', /SECRET/],
    ['password=SECRET host=db', /SECRET/],
  ])('leaves secrets out: %s', (message, secret) => {
    const failure = classified(aws('SignatureDoesNotMatch', message, 403));
    expect(failure.message).not.toMatch(secret);
    expect(`${failure.cause?.message}${failure.cause?.stack}`).not.toMatch(secret);
  });

  it('keeps of the cause what history needs, and no more', () => {
    const cause = classified(aws('ValidationException', 'why')).cause;
    expect(cause).toMatchObject({ name: 'ValidationException', message: 'why' });
    expect(Object.keys(cause as object)).toEqual(['name']);
  });
});

describe('failures as such', () => {
  it('retries transient ones only, and holds progress to be no error', () => {
    expect(fail('Throttled', 'm')).toMatchObject({ nonRetryable: false, category: undefined });
    expect(fail('InProgress', 'm', { nextRetryDelay: '2s' })).toMatchObject({
      nonRetryable: false,
      category: 'BENIGN',
      nextRetryDelay: '2s',
    });
    for (const type of ['AccessDenied', 'NoCapacity', 'TrainingStopped', 'UnknownStatus'] as const) {
      expect(fail(type, 'm').nonRetryable).toBe(true);
    }
  });

  it('passes failures and cancellation through as they are', async () => {
    const failure = fail('NoCapacity', 'm');
    const cancelled = new CancelledFailure('cancelled');
    expect(toFailure(failure, ABOUT)).toBe(failure);
    expect(toFailure(cancelled, ABOUT)).toBe(cancelled);
    await expect(withFailures(ABOUT, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(isFailure(failure, 'Throttled', 'NoCapacity')).toBe(true);
    expect(isFailure(new Error('NoCapacity'), 'NoCapacity')).toBe(false);
  });
});
