const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in an element or a quoted attribute. */
export const escapeHtml = (text: string) => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

/** A drawing with its title, and what it says in words for who can't see it. */
export function figure(title: string, words: string, svg: string): string {
  const alternative = escapeHtml(`${title}. ${words}`);
  const image = svg.replace('<svg ', `<svg role="img" aria-label="${alternative}" `);
  return `<figure>
<figcaption>${escapeHtml(title)}<small>${escapeHtml(words)}</small></figcaption>
${image}
</figure>`;
}
