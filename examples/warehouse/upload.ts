import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Definition } from '../../contracts/definition/index.js';
import { uploadDays } from '../demo/bucket.js';
import { keyOf } from '../walk/model.js';
import { AS_OF, type Warehouse } from './data.js';

/** Where model.yaml's loads look for the raw objects. */
const RAW = 'raw/warehouse/';
/** COPY reads the objects of a prefix side by side: the large table comes in several. */
const SALES_OBJECTS = 4;

/** Puts the tables as pipe-delimited objects, and the held-back events beside the train prefix, all encrypted with the definition's key. */
export async function uploadWarehouse(
  s3: S3Client,
  definition: Definition,
  { tables, test }: Warehouse,
): Promise<{ raw: number; heldBack: number }> {
  const { data } = definition;
  const { bucket } = data;
  const keyAlias = keyOf(definition);
  const objects = Object.entries(tables).flatMap(([table, text]) =>
    cut(text, table === 'sales' ? SALES_OBJECTS : 1).map((Body, index) => ({
      Key: `${RAW}${table}_${String(index).padStart(2, '0')}`,
      Body,
    })),
  );
  const encrypted = { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: keyAlias };
  await Promise.all(
    objects.map((object) => s3.send(new PutObjectCommand({ Bucket: bucket, ...object, ...encrypted }))),
  );
  const prefix = data.prefix.replace(/[^/]+\/$/, 'test/');
  await uploadDays(s3, { bucket, prefix, keyAlias }, [{ date: AS_OF, csv: test.map(({ csv }) => csv).join('') }]);
  return { raw: objects.length, heldBack: test.length };
}

/** Cuts a text at ends of lines. */
function cut(text: string, parts: number): string[] {
  const lines = text.trimEnd().split('\n');
  const size = Math.ceil(lines.length / parts);
  return Array.from({ length: parts }, (_, index) => `${lines.slice(index * size, (index + 1) * size).join('\n')}\n`);
}
