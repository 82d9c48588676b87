/** Longest text of another service that a failure carries; SageMaker's own FailureReason ends at 1,024. */
const LONGEST = 2_000;

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // A refused signature comes back with the whole canonical request, session token and all.
  [
    /(The Canonical String for this request should have been|The String-to-Sign should have been)[\s\S]*/i,
    '[request left out]',
  ],
  [
    /\b(authorization|x-amz-security-token|x-amz-signature|x-amz-credential|aws_secret_access_key|aws_session_token|password|passwd|pwd|token|secret)(["']?\s*[:=]\s*["']?)(?:(?:Bearer|Basic|AWS4-HMAC-SHA256)\s+)?[^\s"'&,;]+/gi,
    '$1$2[redacted]',
  ],
  [/\b(Credential|Signature|SignedHeaders)=[^\s,&]+/g, '$1=[redacted]'],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, '[access key]'],
  [/\bxox[a-z]-[\w-]+/g, '[slack token]'],
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]+):[^\s@/]+@/gi, '$1:[redacted]@'],
];

const NUMBER = String.raw`[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?`;
/** Five numbers or more one after the other, as programs print rows and arrays. */
const NUMBERS = new RegExp(String.raw`(?<![\w.:/-])${NUMBER}(?:[\s,;|]{1,8}${NUMBER}){4,}(?![\w/-])`, 'gi');
/** Five fields or more with nothing but separators between them: a line of CSV, if enough of them are numbers or dates. */
const FIELDS =
  /(?<![^\s:=([{`'])(?:"[^"\n]{0,200}"|[^\s,;|"]{0,200})(?:[,;|](?:"[^"\n]{0,200}"|[^\s,;|"]{0,200})){4,}/g;
const VALUE = new RegExp(String.raw`^"?(?:${NUMBER}|\d{4}-\d\d-\d\d\S*)"?$`, 'i');
const LEAST_VALUES = 3;

/**
 * A text in which what looks like rows of data is counted, not told. A program may print the rows it fails on into its failure reason,
 * which SageMaker passes on, and which goes from there to Temporal, Slack and the ledger.
 */
function withoutRows(text: string): string {
  const left = (count: number) => `[${count} values left out]`;
  return text
    .replace(FIELDS, (row) => {
      const fields = row.match(/"[^"\n]*"|[^,;|]+/g) ?? [];
      const [after = ''] = /[,;|]*$/.exec(row) ?? [];
      return fields.filter((field) => VALUE.test(field)).length < LEAST_VALUES ? row : left(fields.length) + after;
    })
    .replace(NUMBERS, (row) => left(row.split(/[\s,;|]+/).length));
}

/** A text without credentials and rows of data, cut to 2,000 characters. */
export function redact(text: string): string {
  const clean = withoutRows(SECRETS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text));
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
}
