/**
 * The fixed answer of a deployment that a control rule completed without processes, in linear-learner's format: one
 * prediction for each line of a CSV request, one for anything else.
 */
export function cannedAnswer(contentType: string | undefined, body: Buffer): string {
  const rows = contentType?.startsWith('text/csv')
    ? body
        .toString('utf8')
        .split('\n')
        .filter((line) => line.trim() !== '').length
    : 1;
  return JSON.stringify({ predictions: Array.from({ length: Math.max(rows, 1) }, () => ({ score: 0 })) });
}
