// What the programs of this folder share: how they get ready, and how they end.
import { installDependencies } from './dependencies.mjs';
import { checkNode, findPython } from './prerequisites.mjs';

// The SDK is pinned to a version that supports this Node; its advice to upgrade is for us, not for whoever runs a command.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** Where the reader of a pipe has left (`| head -1`), the rest is for nobody: long work ends as by a signal, the rest just goes on. */
function outliveReaders() {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
      if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM', 'SIGTERM');
    });
  }
}

/**
 * Ends the process with the code `main` resolves to, or with one sentence and code 1 (the whole error with PERENNIAL_DEBUG).
 * @param {() => Promise<number>} main
 */
export async function run(main) {
  outliveReaders();
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(process.env.PERENNIAL_DEBUG ? error : (error?.message ?? error));
    process.exitCode = 1;
  }
}

/**
 * Makes dist/ current, from nothing if need be.
 * @param {{ python: boolean }} needs whether the program cannot do without Python
 */
export async function prepare({ python }) {
  // An image was made ready when it was built.
  if (process.env.PERENNIAL_PREPARED) return;
  checkNode();
  if (python) await findPython();
  // stdout belongs to the program that is being started.
  await installDependencies((line) => console.error(line));
  const { build } = await import('./build.mjs');
  await build();
}
