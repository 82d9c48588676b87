import type { AddressInfo, Server } from 'node:net';

/** A server on a free port of the loopback interface. */
export interface Listening {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Breaks what is connected, and resolves once the port is free. */
  close(): Promise<void>;
}

export async function listen(server: Server, disconnect: () => void): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        disconnect();
      }),
  };
}
