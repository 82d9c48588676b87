import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

// The SDK is pinned to a version that supports this Node; its advice to upgrade would stand in every test's output.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // One process runs many files, and loads the SDKs once: that takes a quarter off the whole. Files leave nothing behind for the next.
    isolate: false,
    // Twice the cores of a small machine: most files wait for processes, timers and servers for half of their time.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
  },
});
