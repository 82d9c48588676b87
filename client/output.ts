import { styleText } from 'node:util';
import type { Terminal } from './terminal.js';

/** Between two columns of a table. */
const GAP = 2;
/** Characters that a last column of sentences needs to say anything. */
const LEAST_LAST = 20;

type Style = Parameters<typeof styleText>[0];

/**
 * Where a command's answer goes. With `--json` one JSON value on stdout and every word for people on stderr; without it both the
 * answer and the words about it on stdout, progress on stderr.
 */
export class Output {
  constructor(
    private readonly terminal: Terminal,
    readonly json: boolean,
  ) {}

  /** The answer: as it is for programs, or as text for people. */
  result(value: unknown, text: () => string): void {
    this.terminal.out(this.json ? `${JSON.stringify(value)}\n` : `${text().trimEnd()}\n`);
  }

  /** A word for people beside the answer. */
  say(text: string): void {
    if (this.json) this.terminal.err(`${text}\n`);
    else this.terminal.out(`${text}\n`);
  }

  /** A word about work under way, or a warning: never part of the answer. */
  note(text: string): void {
    this.terminal.err(`${text}\n`);
  }

  /** A function that notes each text once, for what is asked again and again while it goes on. */
  teller(): (text: string) => void {
    const told = new Set<string>();
    return (text) => {
      if (told.has(text)) return;
      told.add(text);
      this.note(text);
    };
  }

  /** Colours only where a person looks and has not declined them. */
  style(style: Style, text: string): string {
    const { env, outIsTty } = this.terminal;
    return outIsTty && !this.json && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
      ? styleText(style, text, { validateStream: false })
      : text;
  }

  /** An outcome or status in the colour it has in the Temporal UI. */
  outcome(name: string): string {
    if (['Deployed', 'Trained', 'Purged', 'created', 'updated'].includes(name)) return this.style('green', name);
    if (['Failed', 'Terminated', 'TimedOut'].includes(name)) return this.style('red', name);
    if (['Cancelled', 'Rejected', 'Blocked', 'Reuploaded', 'paused', 'deleted'].includes(name))
      return this.style('yellow', name);
    if (['running', 'queued'].includes(name)) return this.style('cyan', name);
    return name;
  }

  /**
   * Aligned columns. Cells may be styled; widths count what is seen. Where a terminal is too narrow, the columns of `expendable` are
   * left out, the first first, and then the last column is shortened: lines that wrap can't be read.
   */
  table(header: readonly string[], rows: readonly (readonly string[])[], expendable: readonly string[] = []): string {
    const all = [header.map((cell) => this.style('bold', cell)), ...rows];
    const widths = header.map((_cell, column) => Math.max(...all.map((row) => visible(row[column] ?? ''))));
    const { outIsTty, columns } = this.terminal;
    const room = outIsTty && columns ? columns : Number.POSITIVE_INFINITY;
    const last = header.length - 1;
    const left = header.map((_cell, column) => column);
    const before = () => left.filter((column) => column !== last).reduce((sum, at) => sum + (widths[at] ?? 0) + GAP, 0);
    for (const name of expendable) {
      if (before() + Math.min(widths[last] ?? 0, LEAST_LAST) <= room) break;
      left.splice(left.indexOf(header.indexOf(name)), 1);
    }
    const ending = (cell: string) => (visible(cell) > room - before() ? cut(cell, room - before()) : cell);
    return all
      .map((row) =>
        left
          .map((at) => (at === last ? ending(row[at] ?? '') : pad(row[at] ?? '', (widths[at] ?? 0) + GAP)))
          .join('')
          .trimEnd(),
      )
      .join('\n');
  }

  /** Names and values, one a line; lines without a value are left out. */
  facts(pairs: readonly (readonly [string, string | number | undefined])[]): string {
    const shown = pairs.filter(([, value]) => value !== undefined && value !== '');
    const width = Math.max(0, ...shown.map(([label]) => label.length));
    return shown
      .map(([label, value]) => `${this.style('dim', label.padEnd(width))}  ${this.wrapped(String(value), width + GAP)}`)
      .join('\n');
  }

  /**
   * Text in lines that a terminal has room for, all but the first indented, where `out` is a terminal that says how wide it is. A word that is
   * longer, such as a URI, stays whole: who copies it wants it so.
   */
  wrapped(text: string, indent = 0): string {
    const { outIsTty, columns } = this.terminal;
    if (!outIsTty || !columns) return text;
    const room = Math.max(LEAST_LAST, columns - indent);
    const lines = text.split('\n').flatMap((line) => {
      const filled: string[] = [];
      for (const word of line.split(/(?<=\S) (?=\S)/)) {
        const last = filled.at(-1);
        if (last !== undefined && visible(last) + 1 + visible(word) <= room)
          filled[filled.length - 1] = `${last} ${word}`;
        else filled.push(word);
      }
      return filled;
    });
    return lines.join(`\n${' '.repeat(indent)}`);
  }
}

// eslint-disable-next-line no-control-regex -- the escape character is what starts a colour
const ESCAPES = /\x1b\[\d+m/g;
const visible = (text: string) => text.replaceAll(ESCAPES, '').length;
/** A shortened cell loses its colours, whose end would be lost. */
const cut = (text: string, width: number) => (width < 2 ? '' : `${text.replaceAll(ESCAPES, '').slice(0, width - 1)}…`);
const pad = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - visible(text)));
