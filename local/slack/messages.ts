import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const Message = z.object({
  channel: z.string().describe('As it was named by the sender'),
  channelId: z.string(),
  ts: z.string().describe('Id of the message within the channel: seconds, a dot, microseconds'),
  threadTs: z.string().optional().describe("The `ts` of the thread's first message"),
  text: z.string(),
  blocks: z.array(z.looseObject({ type: z.string() })),
  edited: z.boolean().optional(),
});
export type Message = z.infer<typeof Message>;
export type Block = Message['blocks'][number];

/** Slack answers with ids where it was asked by name; the same name always gets the same one. */
function channelIdOf(name: string): string {
  if (/^[CDG][0-9A-Z]{8,}$/.test(name)) return name;
  const hash = createHash('sha256').update(name.replace(/^#/, '')).digest('hex');
  return `C${hash.slice(0, 10).toUpperCase()}`;
}

/** The messages, in memory and in a file of one JSON document a line; a changed message is a further line with the same `ts`. */
export class Messages {
  private readonly byId = new Map<string, Message>();
  private lastMicros = 0;

  constructor(private readonly file: string) {
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const message = parse(line);
      if (message !== undefined) this.remember(message);
    }
    // A line that a crash cut short must not swallow the next one.
    if (!readFileSync(file, 'utf8').endsWith('\n')) appendFileSync(file, '\n');
  }

  all(): Message[] {
    return [...this.byId.values()];
  }

  post(input: Pick<Message, 'channel' | 'threadTs' | 'text' | 'blocks'>): Message {
    this.lastMicros = Math.max(Date.now() * 1000, this.lastMicros + 1);
    const ts = `${Math.floor(this.lastMicros / 1e6)}.${String(this.lastMicros % 1e6).padStart(6, '0')}`;
    return this.save({ ...input, channel: this.nameOf(input.channel), channelId: channelIdOf(input.channel), ts });
  }

  /** The changed message, or undefined if there is none with that `ts` in the channel. */
  update(channel: string, ts: string, change: Partial<Pick<Message, 'text' | 'blocks'>>): Message | undefined {
    const message = this.byId.get(`${channelIdOf(channel)}/${ts}`);
    return message === undefined ? undefined : this.save({ ...message, ...change, edited: true });
  }

  /** A channel that is now addressed by its id keeps the name it was first addressed by. */
  private nameOf(channel: string): string {
    return this.all().find((message) => message.channelId === channel)?.channel ?? channel;
  }

  private save(message: Message): Message {
    appendFileSync(this.file, `${JSON.stringify(message)}\n`, { mode: 0o600 });
    this.remember(message);
    return message;
  }

  private remember(message: Message): void {
    this.byId.set(`${message.channelId}/${message.ts}`, message);
    this.lastMicros = Math.max(this.lastMicros, Math.round(Number(message.ts) * 1e6));
  }
}

function parse(line: string): Message | undefined {
  try {
    return Message.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
