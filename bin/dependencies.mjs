// npm's part of the bootstrap. Runs before anything is installed: Node's own modules only.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What the lockfile asks for and the installed tree lacks; packages of other platforms do not count. */
async function missing() {
  const wanted = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = await readFile(join(root, 'node_modules/.package-lock.json'), 'utf8').then(
    (text) => JSON.parse(text).packages,
    () => ({}),
  );
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && !entry.optional && installed[path]?.version !== entry.version)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
}

/**
 * Runs `npm ci` if what is installed is not what the lockfile says.
 * @param {(line: string) => void} say receives a line of progress
 * @throws {Error} with a sentence if npm fails
 */
export async function installDependencies(say) {
  const lacking = await missing();
  if (lacking.length === 0) return;
  say(`Installing ${lacking.length} npm packages (once) …`);
  const started = Date.now();
  const tick = setInterval(
    () => say(`  still installing npm packages, ${Math.round((Date.now() - started) / 1000)} s`),
    10_000,
  );
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  // Its output goes to stderr: stdout belongs to the program that is being started.
  const args = [...first, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const code = await new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
    child.once('error', (error) =>
      reject(new Error(`npm could not be started (${error.message}); it comes with Node.`)),
    );
    child.once('close', resolve);
  }).finally(() => clearInterval(tick));
  if (code !== 0) {
    throw new Error(
      `npm ci ended with code ${code}; its messages stand above. Mend their cause and start again: it begins anew.`,
    );
  }
  say(`npm packages installed in ${Math.round((Date.now() - started) / 1000)} s`);
}
