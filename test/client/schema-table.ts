import type { Schema } from '../../client/definition/schema.js';

const code = (value: unknown) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

function typeOf(part: Schema): string {
  if (part.enum) return part.enum.map(code).join(' or ');
  if (part.anyOf) return [...new Set(part.anyOf.map(typeOf))].join(' or ');
  if (part.type === 'array') return `list of ${typeOf(part.items ?? {})}`;
  if (part.type === 'object') return 'map';
  const type = { string: 'text', integer: 'whole number', boolean: 'true or false' }[String(part.type)] ?? 'scalar';
  return part.minimum !== undefined ? `${type}, ${part.minimum}–${part.maximum}` : type;
}

/** Key, type, default and purpose of every key, in the order of the schema. */
export function rows(part: Schema, path = ''): string[] {
  const map = part.properties ? part : (part.anyOf?.find(({ properties }) => properties) ?? part.items ?? part);
  return Object.entries(map.properties ?? {}).flatMap(([name, child]) => {
    const key = path === '' ? name : `${path}.${name}`;
    const plain =
      child.default === undefined ||
      (typeof child.default === 'object' && Object.keys(child.default as object).length === 0);
    const fallback = map.required?.includes(name) ? 'required' : plain ? '' : code(child.default);
    const below = child.type === 'array' && child.items?.properties ? `${key}[]` : key;
    return [
      `| \`${key}\` | ${typeOf(child)} | ${fallback} | ${(child.description ?? '').replaceAll('<', String.raw`\<`)} |`,
      ...rows(child, below),
    ];
  });
}

/** A table of every key, for a page of the documentation. */
export const tableOf = (part: Schema): string => `| key | is | default | for |
| --- | --- | --- | --- |
${rows(part).join('\n')}
`;
