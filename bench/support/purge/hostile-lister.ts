/** An entry as one line of text: `version`, `marker` or `upload`, its key and its id. */
export type EntryLine = string;

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Everything in a bucket, by plain HTTP and by the raw text of the answers: shares nothing with the product's listing, nor with any SDK. For
 * servers on loopback that check no signature.
 */
export async function listRaw(endpoint: string, bucket: string): Promise<Map<EntryLine, string>> {
  const found = new Map<EntryLine, string>();
  const take = (kind: string, text: string, id: string) => {
    for (const [, inner = ''] of text.matchAll(new RegExp(`<${kind}>(.*?)</${kind}>`, 'gs'))) {
      const key = element(inner, 'Key');
      if (key === undefined) throw new Error(`a listing of ${bucket} has a ${kind} without a key`);
      found.set(JSON.stringify([kind, key, element(inner, id) ?? 'null']), key);
    }
  };
  for (let marker = ''; ;) {
    const text = await get(`${endpoint}/${bucket}?versions&max-keys=1000${marker}`);
    take('Version', text, 'VersionId');
    take('DeleteMarker', text, 'VersionId');
    if (element(text, 'IsTruncated') !== 'true') break;
    const [key, version] = [element(text, 'NextKeyMarker'), element(text, 'NextVersionIdMarker')];
    if (key === undefined) throw new Error(`a listing of ${bucket} does not say where it goes on`);
    marker = `&key-marker=${encodeURIComponent(key)}&version-id-marker=${encodeURIComponent(version ?? '')}`;
  }
  take('Upload', await get(`${endpoint}/${bucket}?uploads&max-uploads=1000`), 'UploadId');
  return found;
}

async function get(url: string): Promise<string> {
  // The credential's scope tells emulators which service is meant.
  const authorization =
    'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';
  const response = await fetch(url, { headers: { authorization } });
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}: ${text.slice(0, 200)}`);
  return text;
}

/** The text of the first element of that name. */
function element(text: string, name: string): string | undefined {
  const raw = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text)?.[1];
  return raw?.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, word?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[word ?? ''] ?? whole;
  });
}
