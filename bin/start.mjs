#!/usr/bin/env node
// `npm start`: from a fresh clone to a trained, deployed and served model.
import { prepare, run } from './run.mjs';

await run(async () => {
  // A fresh clone takes a while from here to the first step.
  console.error('Getting ready …');
  await prepare({ python: true });
  const { main } = await import('../dist/examples/demo/main.js');
  return main(process.argv.slice(2));
});
