import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

type History = Parameters<typeof historyToJSON>[0];

/** A history as text, the content of its payloads decoded: what whoever may read it can read. */
export function historyText(history: History): string {
  return JSON.stringify(JSON.parse(historyToJSON(history)), (name, value: unknown) =>
    name === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value,
  );
}
