#!/usr/bin/env node
// The command line: `perennial …`
import { prepare, run } from './run.mjs';

await run(async () => {
  await prepare({ python: process.argv[2] === 'up' });
  const { main } = await import('../dist/client/cli.js');
  return main(process.argv.slice(2));
});
