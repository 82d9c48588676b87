import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../contracts/runs.js';
import { workflowBundle } from '../worker/bundle.js';

describe('workflow bundle', () => {
  it('is made once per source, holds every workflow, and no zod', async () => {
    const first = await workflowBundle();
    const second = await workflowBundle();
    expect(second.codePath).toBe(first.codePath);
    const code = await readFile(first.codePath, 'utf8');
    for (const name of Object.values(WORKFLOWS)) {
      expect(code).toContain(name);
    }
    expect(code).not.toContain('node_modules/zod');
  });
});
