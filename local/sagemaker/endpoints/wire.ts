/** The members of an answer that are set: AWS leaves out the others, and SDKs stumble over empty ones. */
export function present<T extends Record<string, unknown>>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

/** Epoch seconds as events write them: epoch milliseconds in a string. */
export function millis(seconds: number): string {
  return String(Math.round(seconds * 1000));
}

/** Tags as events write them: a map. */
export function tagMap(tags: readonly { readonly Key: string; readonly Value: string }[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag) => [tag.Key, tag.Value]));
}
