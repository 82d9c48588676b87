/** How long the emulated services may be away, as when the supervisor starts them again: so many tries, so far apart. */
const MOST_TRIES = 30;
const APART_MS = 1_000;

interface Token {
  getRetryCount(): number;
  getRetryDelay(): number;
}

const token = (count: number): Token => ({
  getRetryCount: () => count,
  getRetryDelay: () => (count === 0 ? 0 : APART_MS),
});

/**
 * A retry strategy for the SDK's clients: what passes (a refused connection, an internal error) is tried again for half a minute. SageMaker's
 * own S3 is never away for that long, so a job must not fail for it. The SDK's strategies stop sooner when many requests fail at once.
 */
export const patientRetries = {
  mode: 'patient',
  acquireInitialRetryToken: async (_scope: string): Promise<Token> => token(0),
  async refreshRetryTokenForRetry(last: Token, { errorType }: { errorType: string }): Promise<Token> {
    const count = last.getRetryCount() + 1;
    if (errorType === 'CLIENT_ERROR' || count >= MOST_TRIES) throw new Error('not tried again');
    return token(count);
  },
  recordSuccess: (_token: Token): void => undefined,
};
