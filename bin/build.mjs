// Turns every TypeScript file into one JavaScript file of the same place under dist/, without bundling: what changed, and only that.
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const outDir = join(root, 'dist');
const folders = [
  ...['contracts', 'workflows', 'activities', 'ledger', 'worker', 'client'],
  ...['engine', 'local', 'bench', 'examples'],
];

async function sources(folder) {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true }).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes(`${sep}node_modules${sep}`));
}

/** Written aside and renamed, so that two builds at once never show each other half a file. */
async function write(file, contents) {
  const aside = `${file}.${process.pid}.tmp`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(aside, contents);
  await rename(aside, file);
}

const output = (source) => join(outDir, relative(root, source).replace(/\.ts$/, '.js'));

/** What changes with every write to a file, without reading it. */
function stampOf(file) {
  const { size, mtimeMs, ctimeMs } = statSync(file);
  return `${size} ${mtimeMs} ${ctimeMs}`;
}

/**
 * Builds what is out of date and removes the output of sources that are gone.
 * @returns {Promise<{ built: number, removed: number }>}
 * @throws esbuild's error, which names file and line, if a source cannot be parsed
 */
export async function build() {
  const manifestFile = join(outDir, 'manifest.json');
  const { files: before = {}, salt: builtWith } = await readFile(manifestFile, 'utf8').then(JSON.parse, () => ({}));
  const salt = await readFile(join(root, 'node_modules/esbuild/package.json'), 'utf8').then(
    (text) => JSON.parse(text).version,
  );
  const files = (await Promise.all(folders.map(sources))).flat();
  const after = {};
  const stale = [];
  // Only what was touched is read: every start of a program comes by here.
  for (const file of files) {
    const name = relative(root, file);
    const stamp = stampOf(file);
    const known = builtWith === salt && existsSync(output(file)) ? before[name] : undefined;
    if (known?.stamp === stamp) {
      after[name] = known;
      continue;
    }
    const hash = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
      .slice(0, 32);
    after[name] = { hash, stamp };
    if (known?.hash !== hash) stale.push(file);
  }
  const gone = Object.keys(before).filter((name) => !(name in after));
  const touched = files.some((file) => before[relative(root, file)]?.stamp !== after[relative(root, file)].stamp);
  if (!touched && stale.length === 0 && gone.length === 0) return { built: 0, removed: 0 };

  if (stale.length > 0) {
    const esbuild = await import('esbuild');
    const options = {
      entryPoints: stale,
      outbase: root,
      outdir: outDir,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: true,
    };
    // The project's tsconfig says nothing that matters to a single file but this.
    const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true, target: 'ES2022' } };
    const result = await esbuild.build({ ...options, tsconfigRaw, bundle: false, write: false, logLevel: 'error' });
    await Promise.all(result.outputFiles.map((file) => write(file.path, file.contents)));
    await esbuild.stop();
  }
  for (const name of gone) {
    await rm(output(join(root, name)), { force: true });
    await rm(`${output(join(root, name))}.map`, { force: true });
  }
  await write(manifestFile, JSON.stringify({ salt, files: after }, null, 1));
  return { built: stale.length, removed: gone.length };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const started = Date.now();
  const { built, removed } = await build();
  console.log(`${built} files built, ${removed} removed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
