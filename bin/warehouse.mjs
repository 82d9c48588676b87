#!/usr/bin/env node
// The walk-through of examples/warehouse/README.md: `npm run example:warehouse`
import { prepare, run } from './run.mjs';

await run(async () => {
  await prepare({ python: true });
  const { main } = await import('../dist/examples/warehouse/main.js');
  return main(process.argv.slice(2));
});
