#!/usr/bin/env node
// The walk-through of examples/housing/README.md: `node bin/housing.mjs [command]`
import { prepare, run } from './run.mjs';

await run(async () => {
  await prepare({ python: true });
  const { main } = await import('../dist/examples/housing/main.js');
  return main(process.argv.slice(2));
});
