import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Where the demo speaks: stdout for people, stderr where stdout belongs to JSON. */
export class Screen {
  private readonly stream: NodeJS.WriteStream;

  constructor(json: boolean) {
    this.stream = json ? process.stderr : process.stdout;
  }

  style(style: Style, text: string): string {
    const { env } = process;
    return this.stream.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
      ? styleText(style, text, { validateStream: false })
      : text;
  }

  line(text = ''): void {
    this.stream.write(`${text}\n`);
  }

  /** A line under the step that is shown. */
  detail(text: string): void {
    for (const one of text.trimEnd().split('\n')) this.line(`  ${this.style('dim', one)}`);
  }

  /** Says what is done, does it, and says how long it took. */
  async step<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.line(`${this.style('cyan', '●')} ${this.style('bold', title)}`);
    const started = performance.now();
    const value = await work();
    this.detail(`${seconds(performance.now() - started)}`);
    return value;
  }

  /** Names and values, aligned. */
  facts(pairs: readonly (readonly [string, string])[]): void {
    const width = Math.max(...pairs.map(([name]) => name.length));
    for (const [name, value] of pairs) this.line(`  ${this.style('dim', name.padEnd(width))}  ${value}`);
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
/** `1 day`, `1,095 days`. */
export const count = (n: number, thing: string) => `${n.toLocaleString('en-US')} ${thing}${n === 1 ? '' : 's'}`;
