/** Why an object could not be transformed, in the class and words that SageMaker gives its FailureReason and log. */
export class ObjectFailure extends Error {
  constructor(
    readonly kind: 'ClientError' | 'AlgorithmError',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** AWS's text for a record, or an unsplit object, that does not fit one request. */
export function tooMuchData(what: string, maxBytes: number): ObjectFailure {
  return new ObjectFailure(
    'ClientError',
    `Too much data for max payload size: ${what} is over MaxPayloadInMB (${maxBytes} bytes). Raise it, or split the input by Line`,
  );
}
