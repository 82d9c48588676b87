// What the machine itself must bring. Runs before anything is installed: Node's own modules only.
import { execFile } from 'node:child_process';

const minimumNode = [20, 19];
const minimumPython = [3, 10];
const atLeast = (found, wanted) => found[0] > wanted[0] || (found[0] === wanted[0] && found[1] >= wanted[1]);

/** @throws {Error} with a sentence if this Node is too old */
export function checkNode(version = process.versions.node) {
  if (atLeast(version.split('.').map(Number), minimumNode)) return;
  throw new Error(
    `Perennial needs Node ${minimumNode.join('.')} or newer and this is ${version}. Install a newer Node and start again.`,
  );
}

const probe =
  'import json,sys,importlib.util as u;print(json.dumps([*sys.version_info[:2],sys.executable,all(map(u.find_spec,("venv","ensurepip")))]))';

function ask(program, env) {
  return new Promise((resolve) => {
    execFile(program, ['-c', probe], { env, timeout: 20_000 }, (error, stdout) => {
      if (error) return resolve({ program, reason: error.code === 'ENOENT' ? 'not found' : 'does not run' });
      const [major, minor, executable, venv] = JSON.parse(stdout.trim().split('\n').pop());
      const version = `${major}.${minor}`;
      if (!atLeast([major, minor], minimumPython)) return resolve({ program, reason: `is ${version}` });
      if (!venv) return resolve({ program, reason: `is ${version} without its venv module` });
      return resolve({ program: executable, version });
    });
  });
}

/**
 * The Python that local mode's tools are installed with: PERENNIAL_PYTHON, else the first on PATH that fits.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ program: string, version: string }>} `program` is an absolute path
 * @throws {Error} with a sentence that says what was looked at and what to do
 */
export async function findPython(env = process.env) {
  const named = env.PERENNIAL_PYTHON;
  const names = named ? [named] : ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
  const seen = [];
  for (const name of names) {
    const found = await ask(name, env);
    if (!found.reason) return found;
    seen.push(`${name} ${found.reason}`);
  }
  const venv = seen.some((line) => line.includes('venv'));
  throw new Error(
    `Local mode needs Python ${minimumPython.join('.')} or newer${venv ? ' with venv' : ''} (looked for: ${seen.join(', ')}). ` +
      (venv
        ? 'On Debian and Ubuntu: apt-get install python3-venv. '
        : 'Install it (Debian and Ubuntu: apt-get install python3 python3-venv; macOS: brew install python). ') +
      'Or name one in PERENNIAL_PYTHON.',
  );
}
