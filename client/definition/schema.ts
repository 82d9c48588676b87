import { distance } from 'fastest-levenshtein';
import { definitionJsonSchema } from '../../contracts/definition/index.js';

/** The part of JSON Schema that a definition's schema uses. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
}

export const schema = definitionJsonSchema() as Schema;

const asObject = (part: Schema) => (part.properties ? part : part.anyOf?.find((branch) => branch.properties)) ?? part;

/** The one of `known` that `word` was most likely meant to be, if any is close. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const scored = known
    .map((candidate) => ({ candidate, score: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.score - b.score)[0];
  if (!scored) return undefined;
  return scored.score <= Math.max(2, Math.floor(word.length / 3)) ? scored.candidate : undefined;
}

/** Questions about a schema. */
export interface SchemaView {
  /** The schema of what stands at a path, or undefined where the schema knows nothing. */
  schemaAt(path: readonly PropertyKey[]): Schema | undefined;
  /** Keys that may stand in the map at a path. */
  keysAt(path: readonly PropertyKey[]): string[];
  /** Paths at which a key of this name is known: where a misplaced key belongs. */
  pathsOf(key: string): string[];
  /** What the schema says a value is for, without its full stop. */
  describeAt(path: readonly PropertyKey[]): string | undefined;
}

export function viewOf(whole: Schema): SchemaView {
  const schemaAt = (path: readonly PropertyKey[]): Schema | undefined => {
    let part: Schema | undefined = whole;
    for (const key of path) {
      if (!part) return undefined;
      const { properties, items, additionalProperties }: Schema = asObject(part);
      if (typeof key === 'number') part = items;
      else
        part =
          properties?.[String(key)] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    }
    return part;
  };
  return {
    schemaAt,
    keysAt(path) {
      const properties = asObject(schemaAt(path) ?? {}).properties ?? {};
      return Object.keys(properties);
    },
    pathsOf(key) {
      const found: string[] = [];
      const walk = (part: Schema, path: readonly string[]) => {
        for (const [name, child] of Object.entries(asObject(part).properties ?? {})) {
          if (name === key) found.push([...path, name].join('.'));
          walk(child, [...path, name]);
        }
      };
      walk(whole, []);
      return found;
    },
    describeAt: (path) => schemaAt(path)?.description?.replace(/\.$/, ''),
  };
}

/** The view of a model definition's schema. */
export const definitionView = viewOf(schema);
