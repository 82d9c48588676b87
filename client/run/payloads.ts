import type { Client } from '@temporalio/client';

type Payloads = Parameters<Client['options']['loadedDataConverter']['payloadCodecs'][number]['decode']>[0];

/** The first of several values as Temporal keeps them, decoded as the client was set up to. */
export async function firstOf<T>(client: Client, payloads: Payloads | null | undefined): Promise<T | undefined> {
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  let decoded = payloads ?? [];
  for (const codec of payloadCodecs.toReversed()) decoded = await codec.decode(decoded);
  const [first] = decoded;
  return first && payloadConverter.fromPayload<T>(first);
}
