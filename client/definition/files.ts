import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fault } from './fault.js';

const MAX_BYTES = 1_048_576;
const isYaml = (name: string) => /\.ya?ml$/i.test(name);

/** The files that paths stand for: a folder stands for the YAML files in it, in order of name, without its subfolders'. */
async function expand(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(isYaml).sort();
  if (names.length === 0) throw new Error('no .yaml file in this folder');
  return names.map((name) => join(path, name));
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file or folder';
  if (code === 'EACCES' || code === 'EPERM') return 'no right to read it';
  return message;
}

/** Reads every file that `paths` name, each once; what cannot be read is a fault. */
export async function readDefinitionFiles(
  paths: readonly string[],
): Promise<{ texts: { file: string; text: string }[]; faults: Fault[] }> {
  const faults: Fault[] = [];
  const texts = new Map<string, string>();
  for (const path of paths) {
    try {
      for (const file of await expand(path)) {
        if ((await stat(file)).size > MAX_BYTES) throw new Error(`${file} is over 1 MiB: not a definition`);
        texts.set(file, new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)));
      }
    } catch (error) {
      const message = error instanceof TypeError ? 'is not UTF-8 text' : reason(error);
      faults.push({ file: path, path: '', message, fix: 'name YAML files, or folders that hold some' });
    }
  }
  return { texts: [...texts].map(([file, text]) => ({ file, text })), faults };
}
