import type { Duplex } from 'node:stream';

/** Where a client is written to. One that has left takes nothing, and holds nothing up. */
export class Outlet {
  constructor(private readonly socket: Duplex) {
    socket.on('error', () => undefined);
  }

  async write(...parts: readonly Buffer[]): Promise<void> {
    const { socket } = this;
    if (!socket.writable || parts.length === 0) return;
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    if (socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  end(): void {
    this.socket.end();
  }
}
