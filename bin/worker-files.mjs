// Gathers what the worker's image holds, nothing else: `node bin/worker-files.mjs <folder>`, after bin/build.mjs.
import esbuild from 'esbuild';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** What is started: the program, the image's health check, and the thread that runs workflows, which the SDK starts by its path. */
const ENTRIES = [
  'dist/worker/main.js',
  'dist/worker/probe.js',
  'node_modules/@temporalio/worker/lib/workflow/workflow-worker-thread.js',
];

/** Packages that make a bundle of the workflows. The image brings the bundle; but the SDK loads them in any case. */
const BUNDLERS = ['webpack', 'memfs', 'unionfs'];

/** What stands in their place. */
const NO_BUNDLER = `module.exports = new Proxy({}, {
  get(_, name) {
    if (name === '__esModule') return true;
    throw new Error('This image has no bundler: its workflow bundle is made when it is built, and does not fit the code any more. Build the image anew.');
  },
});
`;

/** Of a package: types, sources of other languages, maps and descriptions are for those who develop with it. */
const UNUSED = /\.(map|md|markdown|[cm]?ts|tsx|rs|toml|lock|flow)$/i;
const LEGAL = /^(licen[sc]e|notice|copying)/i;

/** Everything that the worker may load by import or require, also late: files below the root. */
async function reachable() {
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: 'unwritten',
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    external: BUNDLERS,
    // Node's own conditions; and no import is left out because its package says that it does nothing.
    conditions: [],
    treeShaking: false,
    ignoreAnnotations: true,
    logLevel: 'error',
  });
  return Object.keys(metafile.inputs);
}

/** The folder of the innermost package that a file is in; undefined for our own. */
const packageOf = (file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];

/** Copies the files below a folder that `keep` takes. Their modes are not kept: whoever runs the image reads them. */
async function copy(from, to, keep) {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      // Packages within a package are reached, and copied, by themselves.
      if (entry.name !== 'node_modules') await copy(source, target, keep);
    } else if (keep(source)) await put(target, await readFile(source));
  }
}

async function put(file, content) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

/** Whether a file is the binary of Temporal's core for another platform than this one. */
function isForeignCore() {
  const { getPrebuiltTargetName } = require('@temporalio/core-bridge/common');
  const own = `/releases/${getPrebuiltTargetName()}/`;
  return (file) => file.includes('/core-bridge/releases/') && !file.includes(own);
}

/**
 * Writes `<folder>/node_modules`, the packages that the worker loads, and `<folder>/app`, its own code, both to lie side by side.
 * @param {string} folder is made if it isn't there
 * @returns {Promise<{ packages: number }>}
 * @throws {Error} esbuild's, if something that the worker imports isn't there
 */
export async function gatherWorkerFiles(folder) {
  const { workflowBundle } = await import('../dist/worker/bundle.js');
  const { codePath } = await workflowBundle();
  const files = await reachable();
  const packages = new Set(files.map(packageOf).filter((name) => name !== undefined));
  const foreign = isForeignCore();
  const useful = (file) => LEGAL.test(basename(file)) || !(UNUSED.test(file) || foreign(file));
  for (const name of packages) await copy(join(root, name), join(folder, name), useful);
  for (const name of BUNDLERS) {
    await put(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ name, main: 'index.js' }));
    await put(join(folder, 'node_modules', name, 'index.js'), NO_BUNDLER);
  }

  const app = join(folder, 'app');
  for (const file of files.filter((name) => packageOf(name) === undefined))
    await put(join(app, file), await readFile(join(root, file)));
  // By its own code a worker tells that the bundle is of the same.
  for (const name of ['dist/workflows', 'dist/contracts'])
    await copy(join(root, name), join(app, name), (file) => file.endsWith('.js'));
  await put(join(app, relative(root, codePath)), await readFile(codePath));
  await copy(join(root, 'ledger/migrations'), join(app, 'ledger/migrations'), () => true);
  await put(join(app, 'package.json'), await readFile(join(root, 'package.json')));
  return { packages: packages.size };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = process.argv[2];
  if (folder === undefined) throw new Error('Name the folder that the files go to: node bin/worker-files.mjs <folder>');
  const { packages } = await gatherWorkerFiles(folder);
  console.log(`the worker and the ${packages} packages that it loads are in ${folder}`);
}
