import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind, Store } from './context.js';

const KINDS: readonly Kind[] = [
  'training-job',
  'model',
  'endpoint-config',
  'endpoint',
  'transform-job',
  'tags',
  'control',
];
const SUFFIX = '.json';
const HALF_WRITTEN = '.tmp';

/**
 * Opens the store under `dir`: one JSON file a resource at `<dir>/<kind>/<name>.json`, all of it also in memory.
 * Files that a crash left half written are removed; a damaged document stops the start, naming the file.
 */
export function openStore(dir: string): Store {
  const kinds = new Map<Kind, Map<string, object>>(KINDS.map((kind) => [kind, load(join(dir, kind))]));
  const records = (kind: Kind): Map<string, object> => kinds.get(kind) as Map<string, object>;
  const path = (kind: Kind, name: string): string => join(dir, kind, encodeURIComponent(name) + SUFFIX);

  return {
    get<T>(kind: Kind, name: string): T | undefined {
      const record = records(kind).get(name);
      // A copy, so that nobody changes what is stored without a put.
      return record === undefined ? undefined : (structuredClone(record) as T);
    },
    list<T>(kind: Kind): T[] {
      return [...records(kind).values()].map((record) => structuredClone(record) as T);
    },
    put(kind, name, record) {
      const target = path(kind, name);
      try {
        writeFileSync(target + HALF_WRITTEN, JSON.stringify(record));
        renameSync(target + HALF_WRITTEN, target);
      } catch (error) {
        // Where the disk is full, what could not be finished must not fill it further.
        rmSync(target + HALF_WRITTEN, { force: true });
        throw error;
      }
      records(kind).set(name, structuredClone(record));
    },
    delete(kind, name) {
      rmSync(path(kind, name), { force: true });
      records(kind).delete(name);
    },
  };
}

function load(dir: string): Map<string, object> {
  mkdirSync(dir, { recursive: true });
  const records = new Map<string, object>();
  for (const file of readdirSync(dir)) {
    if (file.endsWith(HALF_WRITTEN)) rmSync(join(dir, file));
    if (!file.endsWith(SUFFIX)) continue;
    records.set(decodeURIComponent(file.slice(0, -SUFFIX.length)), parse(join(dir, file)));
  }
  return records;
}

function parse(file: string): object {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object;
  } catch (cause) {
    throw new Error(`${file} is damaged: remove it to start without this resource`, { cause });
  }
}
