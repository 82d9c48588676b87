/** What was done to a thing, by what had to be done. */
export const DONE = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
  unchanged: 'unchanged',
  none: 'none',
} as const;

export interface ApplyOptions {
  readonly dryRun?: boolean | undefined;
  readonly prune?: boolean | undefined;
}

export const word = (action: keyof typeof DONE, dryRun: boolean) =>
  dryRun && action !== 'unchanged' && action !== 'none' ? `would be ${DONE[action]}` : DONE[action];
