/** An answer as a service itself would give it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a middlebox answers in a service's place: a page, with a status that says all is well. */
export const PAGE: Answer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<html><head><title>Welcome</title></head><body>It works!</body></html>',
};

/** A refusal for too many requests, in the service's own format. */
export function throttled(service: string): Answer {
  switch (service) {
    case 'S3':
      // Amazon S3 user guide, "503 Slow Down".
      return xml(503, 'SlowDown', 'Please reduce your request rate.');
    case 'Slack':
      return {
        status: 429,
        headers: { 'content-type': 'application/json', 'retry-after': '1' },
        body: JSON.stringify({ ok: false, error: 'ratelimited' }),
      };
    default:
      return json(400, 'ThrottlingException', 'Rate exceeded');
  }
}

/** A service's own internal error. */
export function internalError(service: string): Answer {
  switch (service) {
    case 'S3':
      return xml(500, 'InternalError', 'We encountered an internal error. Please try again.');
    case 'Slack':
      return { status: 503, headers: { 'content-type': 'text/html' }, body: 'Slack is having trouble' };
    default:
      return json(500, 'InternalFailure', 'The request processing has failed because of an unknown error');
  }
}

function xml(status: number, code: string, message: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

/** AWS JSON names the error in the body, its REST variant in a header: a client reads the one it knows. */
function json(status: number, code: string, message: string): Answer {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': code },
    body: JSON.stringify({ __type: code, message }),
  };
}
