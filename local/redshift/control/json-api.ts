import { durationOf, ownLogin, WORKGROUP, type Warehouse } from './cluster.js';
import { ApiError } from './error.js';

type Input = Readonly<Record<string, unknown>>;

const invalid = (message: string) => new ApiError('ValidationException', message);

function checkWorkgroup(input: Input): void {
  const name = input['workgroupName'];
  if (typeof name !== 'string' || name === '') throw invalid('workgroupName must be given.');
  if (name !== WORKGROUP) throw new ApiError('ResourceNotFoundException', `Workgroup ${name} not found.`, 404);
}

function getCredentials(input: Input, warehouse: Warehouse): object {
  checkWorkgroup(input);
  const database = input['dbName'];
  const login = ownLogin(typeof database === 'string' ? database : undefined);
  const { password, expiration } = warehouse.credentials.issue(login, durationOf(input['durationSeconds'], invalid));
  const seconds = expiration.getTime() / 1000;
  return { dbUser: login.user, dbPassword: password, expiration: seconds, nextRefreshTime: seconds };
}

function getWorkgroup(input: Input, { address, port }: Warehouse): object {
  checkWorkgroup(input);
  return {
    workgroup: {
      workgroupName: WORKGROUP,
      workgroupArn: `arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/${WORKGROUP}`,
      namespaceName: WORKGROUP,
      status: 'AVAILABLE',
      port: port(),
      endpoint: { address, port: port() },
      publiclyAccessible: false,
      enhancedVpcRouting: false,
    },
  };
}

const operations: Readonly<Record<string, (input: Input, warehouse: Warehouse) => object>> = {
  'RedshiftServerless.GetCredentials': getCredentials,
  'RedshiftServerless.GetWorkgroup': getWorkgroup,
};

/**
 * Answers a request of the AWS JSON 1.1 protocol: Redshift Serverless.
 * @throws ApiError
 */
export function answerJson(target: string, body: string, warehouse: Warehouse): object {
  const operation = Object.hasOwn(operations, target) ? operations[target] : undefined;
  if (!operation) throw new ApiError('UnknownOperationException', `The local Redshift has no operation "${target}".`);
  let input: unknown;
  try {
    input = JSON.parse(body || '{}');
  } catch {
    throw new ApiError('SerializationException', 'the body is not JSON');
  }
  if (typeof input !== 'object' || input === null)
    throw new ApiError('SerializationException', 'the body is no object');
  return operation(input as Input, warehouse);
}
