import { DatabaseError } from 'pg';
import { expect, it } from 'vitest';
import { warehouseFailure } from '../../activities/prepare/failures.js';
import { failureOf } from './support/local-sagemaker.js';

const WHERE = { warehouse: 'cluster my-cluster, database dev', action: 'load sales' };
const s3Says = (text: string, status: number, name: string) =>
  `S3ServiceException:${text},Status ${status},Error ${name},Rid AB12,CanRetry 1,Key raw/jane-doe.csv`;

function told(message: string, code = 'XX000') {
  const error = new DatabaseError(message, message.length, 'error');
  error.code = code;
  return failureOf(Promise.reject(warehouseFailure(error, WHERE)));
}

it.each([
  [
    'S3 refusing the role',
    s3Says('Access Denied', 403, 'AccessDenied'),
    'AccessDenied',
    'Attach prepare.redshift.role',
  ],
  [
    'a role that nobody may assume',
    'User arn:aws:redshift:… is not authorized to assume IAM Role arn:…',
    'AccessDenied',
    'Attach',
  ],
  [
    'S3 being busy',
    s3Says('Please reduce your request rate', 503, 'SlowDown'),
    'ServiceUnavailable',
    'It is tried again',
  ],
  [
    'an object gone',
    s3Says('The specified key does not exist', 404, 'NoSuchKey'),
    'DataInvalid',
    'Look at the manifest',
  ],
  [
    'a value that is no number',
    "Invalid digit, Value 'jane-doe', Pos 0, Type: Integer",
    'DataInvalid',
    'may quote a value and is left out here',
  ],
  [
    'a bucket of another region',
    s3Says('The S3 bucket addressed by the query is in a different region', 301, 'PermanentRedirect'),
    'DefinitionInvalid',
    'in a different region,Status 301',
  ],
])('tells apart what Redshift has one code for: %s', async (_case, message, type, advice) => {
  const failure = await told(message);
  expect(failure.type).toBe(type);
  expect(failure.message).toMatch(/^cluster my-cluster, database dev: load sales failed: /);
  expect(failure.message).toContain(advice);
  // The key of an object may be a person's name.
  expect(failure.message).not.toContain('jane-doe');
});

it('leaves an internal error that it does not know to the words of the warehouse', async () => {
  const failure = await told('Assert: found a crack');
  expect([failure.type, failure.message]).toEqual(['DefinitionInvalid', expect.stringContaining('found a crack')]);
});
