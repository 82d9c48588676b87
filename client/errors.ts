import { ApplicationFailure } from '@temporalio/common';
import {
  NamespaceNotFoundError,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcServiceError,
} from '@temporalio/client';

/** Exit codes of `perennial`. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, cancelled: 4, interrupted: 130 } as const;

/** An error whose message is all that a person needs; it ends the command with this exit code. */
export class CliError extends Error {
  /** More for programs, printed with `--json`. */
  readonly details: object | undefined;

  constructor(
    message: string,
    readonly exitCode: number = EXIT.failed,
    options?: ErrorOptions & { readonly details?: object },
  ) {
    super(message, options);
    this.details = options?.details;
    this.name = 'CliError';
  }
}

export const usageError = (message: string) => new CliError(message, EXIT.usage);

/** The message under the wrappers that Temporal puts around a failure: our own words, not those of AWS that are their cause. */
export function innermost(error: unknown): string {
  let last: unknown = error;
  while (last instanceof Error && last.cause instanceof Error && !(last instanceof ApplicationFailure))
    last = last.cause;
  return last instanceof Error ? last.message : String(last);
}

// Numbers of gRPC's status codes.
const GRPC = {
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  unavailable: 14,
  unauthenticated: 16,
};

const NO_WORKER =
  'no worker answered in time. Is one running? `perennial up` starts one; in production look at the worker service and its task queue';

function explainGrpc(code: number, details: string): CliError {
  // What gRPC adds to its own words is for who writes clients.
  const words = details.replace(/\.?\s*Resolution note:.*$/s, '').trim();
  switch (code) {
    case GRPC.unavailable:
      return new CliError(
        `Temporal cannot be reached${words === '' ? '' : ` (${words})`}: see whether it runs at TEMPORAL_ADDRESS (\`perennial up\` starts local mode), then ask again; what was started goes on when it is back`,
        EXIT.unreachable,
      );
    case GRPC.deadlineExceeded:
      return new CliError(`Temporal got no answer for us: ${NO_WORKER}`, EXIT.unreachable);
    case GRPC.permissionDenied:
    case GRPC.unauthenticated:
      return new CliError(
        `Temporal refused us: ${details}. Check TEMPORAL_API_KEY or the TLS certificate, and that it may use this namespace`,
        EXIT.unreachable,
      );
    case GRPC.notFound:
      return new CliError(`not found in Temporal: ${details}`);
    default:
      return new CliError(`Temporal refused the request: ${details}`);
  }
}

/** Any error as one for people, with the exit code it stands for. */
export function explain(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError)
    return new CliError(innermost(error), EXIT.failed, { cause: error });
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
    return new CliError(`Temporal got no answer for us: ${NO_WORKER}`, EXIT.unreachable, { cause: error });
  if (error instanceof NamespaceNotFoundError) {
    const message = `Temporal has no namespace "${error.namespace}": set TEMPORAL_NAMESPACE to one that exists`;
    return new CliError(message, EXIT.unreachable, { cause: error });
  }
  if (error instanceof WorkflowNotFoundError) {
    const message = `${error.workflowId} has ended or is not known to Temporal; \`perennial runs\` lists what is`;
    return new CliError(message, EXIT.failed, { cause: error });
  }
  const rpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(rpc)) return explainGrpc(rpc.code, rpc.details || rpc.message);
  return new CliError(error instanceof Error ? error.message : String(error), EXIT.failed, { cause: error });
}
