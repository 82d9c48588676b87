import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { workflowBundle } from '../worker/bundle.js';

describe('workflow bundle', () => {
  it('is made once per source, holds every workflow, and no zod', async () => {
    const first = await workflowBundle();
    const second = await workflowBundle();
    expect(second.codePath).toBe(first.codePath);
    const code = await readFile(first.codePath, 'utf8');
    for (const name of ['model', 'retrain', 'trigger', 'preview', 'invoke', 'ledgerQuery', 'endpointDeletion']) {
      expect(code).toContain(name);
    }
    expect(code).not.toContain('node_modules/zod');
  });
});
