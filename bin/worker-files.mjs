// Gathers what the worker's image holds, nothing else: `node bin/worker-files.mjs <folder>`, after bin/build.mjs.
import esbuild from 'esbuild';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** The programs, the worker and the image's health check; and what the worker sets before all else, which one file would have it do later. */
const PROGRAMS = ['dist/worker/main.js', 'dist/worker/probe.js', 'dist/worker/heap.js'];

/** Of Temporal's SDK: the thread that runs workflows, which it starts by its path. */
const WORKFLOW_THREAD = './node_modules/@temporalio/worker/lib/workflow/workflow-worker-thread.js';

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

/** Of a package: types, maps, descriptions and settings are for those who develop with it. */
const UNUSED = /^\.|\.(map|md|markdown|[cm]?ts|tsx|toml|lock|flow)$/i;
const LEGAL = /^(licen[sc]e|notice|copying)/i;

/** What both runs of esbuild share. */
const NODE = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  metafile: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Node's own conditions, without the one that esbuild adds.
  conditions: [],
  logLevel: 'error',
};

/** Modules of CommonJS within a file of ESM expect these. */
const COMMONJS = [
  "import { createRequire } from 'node:module';",
  'const require = createRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('\n');

/**
 * Each program as one file: of the time until a worker's first task, finding and reading a thousand took half. Not minified,
 * so that stack traces can be read. Temporal's SDK stays outside, as it was published: it loads parts of itself by their paths.
 */
async function programs() {
  const { outputFiles, metafile } = await esbuild.build({
    ...NODE,
    entryPoints: PROGRAMS,
    outbase: root,
    outdir: root,
    external: ['@temporalio/*', './heap.js'],
    banner: { js: COMMONJS },
    // Some look at the name of a class.
    keepNames: true,
    legalComments: 'none',
  });
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  return {
    files: outputFiles.map(({ path, contents }) => ({ path: relative(root, path), contents })),
    bundled: packagesOf(metafile),
    sdk: [...new Set(imported.filter((path) => path.startsWith('@temporalio/')))],
  };
}

/** Folders of the packages that these modules load, also late. */
async function reachable(modules) {
  const contents = modules.map((path) => `import ${JSON.stringify(path)};`).join('\n');
  const { metafile } = await esbuild.build({
    ...NODE,
    stdin: { contents, resolveDir: root },
    external: BUNDLERS,
    // No import is left out because its package says that it does nothing.
    treeShaking: false,
    ignoreAnnotations: true,
  });
  return packagesOf(metafile);
}

/** The folder of the innermost package that each input is in. */
function packagesOf({ inputs }) {
  const folders = Object.keys(inputs).map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(folders.filter((folder) => folder !== undefined))];
}

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

/** Tells of a file of any package whether the worker may need it. Of Temporal's core that is its module, and the binary of this platform. */
function usefulness() {
  const core = join(root, 'node_modules/@temporalio/core-bridge/');
  const { getPrebuiltTargetName } = require(`${core}common.js`);
  const ofCore = [/^[^/]+$/, /^lib\//, new RegExp(`^releases/${getPrebuiltTargetName()}/`)];
  return (file) => {
    if (LEGAL.test(basename(file))) return true;
    if (UNUSED.test(basename(file))) return false;
    return !file.startsWith(core) || ofCore.some((pattern) => pattern.test(relative(core, file)));
  };
}

/**
 * Writes `<folder>/node_modules`, Temporal's SDK and what it loads, and `<folder>/app`, the worker, both to lie side by side.
 * @param {string} folder is made if it isn't there
 * @returns {Promise<{ packages: number, bundled: number }>} how many lie in node_modules and in the worker's file
 * @throws {Error} esbuild's, if something that the worker imports isn't there
 */
export async function gatherWorkerFiles(folder) {
  const { workflowBundle } = await import('../dist/worker/bundle.js');
  const { codePath } = await workflowBundle();
  const app = join(folder, 'app');
  const { files, bundled, sdk } = await programs();
  for (const { path, contents } of files) await put(join(app, path), contents);
  for (const name of bundled)
    await copy(join(root, name), join(app, 'licenses', name.replaceAll(/(^|\/)node_modules\//g, '$1')), (file) =>
      LEGAL.test(basename(file)),
    );
  // By its own code a worker tells that the bundle is of the same.
  for (const name of ['dist/workflows', 'dist/contracts'])
    await copy(join(root, name), join(app, name), (file) => file.endsWith('.js'));
  await put(join(app, relative(root, codePath)), await readFile(codePath));
  await copy(join(root, 'ledger/migrations'), join(app, 'ledger/migrations'), () => true);
  await put(join(app, 'package.json'), await readFile(join(root, 'package.json')));

  const packages = await reachable([...sdk, WORKFLOW_THREAD]);
  const useful = usefulness();
  for (const name of packages) await copy(join(root, name), join(folder, name), useful);
  for (const name of BUNDLERS) {
    await put(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ name, main: 'index.js' }));
    await put(join(folder, 'node_modules', name, 'index.js'), NO_BUNDLER);
  }
  return { packages: packages.length, bundled: bundled.length };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = process.argv[2];
  if (folder === undefined) throw new Error('Name the folder that the files go to: node bin/worker-files.mjs <folder>');
  const { packages, bundled } = await gatherWorkerFiles(folder);
  console.log(`${folder} holds the worker, ${bundled} packages in its file and ${packages} beside it`);
}
