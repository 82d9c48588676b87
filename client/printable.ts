/** What moves the cursor, turns the direction of writing or can't be seen; of white space, all but the blank itself. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]|[^\S ]/gu;

/** A key as a terminal may show it: in quotes, as JSON writes it, where it holds such characters or a blank at its ends. */
export function printable(text: string): string {
  if (text.search(UNSEEN) < 0 && text.trim() === text) return text;
  return JSON.stringify(text).replace(UNSEEN, (character) =>
    Array.from({ length: character.length }, (_unit, at) => character.charCodeAt(at))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
