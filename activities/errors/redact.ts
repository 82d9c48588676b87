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

/** A text without credentials, cut to 2,000 characters. */
export function redact(text: string): string {
  const clean = SECRETS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
}
