#!/usr/bin/env node
// `npm run bench -- <name> [--json]`
import { prepare, run } from './run.mjs';

await run(async () => {
  await prepare({ python: false });
  const { main } = await import('../dist/bench/main.js');
  return main(process.argv.slice(2));
});
