import pg from 'pg';

type Connected = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/** Whether the server refused the user or password: SQLSTATE class 28, invalid authorization specification. */
const isRefused = (error: unknown): boolean => error instanceof pg.DatabaseError && /^28/.test(error.code ?? '');

/**
 * A pool whose address may change: when the server refuses to let a new connection in, the address is read again, and if it is another
 * one by now the connection is tried once more with it. Connections that are open stay so; PostgreSQL asks for a password only once.
 */
export class RenewingPool extends pg.Pool {
  private renewing: Promise<boolean> | undefined;

  /** @param address the connection string as it is now; what it throws replaces the refusal */
  constructor(
    options: pg.PoolConfig & { readonly connectionString: string },
    private readonly address: () => Promise<string>,
  ) {
    super(options);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
    const connected = this.connected();
    if (callback === undefined) return connected;
    connected.then(
      (client) => callback(undefined, client, (release) => client.release(release as boolean | Error)),
      (error: Error) => callback(error, undefined, () => undefined),
    );
    return undefined;
  }

  private async connected(): Promise<pg.PoolClient> {
    const used = this.options.connectionString;
    try {
      return await super.connect();
    } catch (error) {
      if (!isRefused(error) || !(await this.renewed(used))) throw error;
      return super.connect();
    }
  }

  /** Whether the address is another than the one that was refused. Refusals at the same moment read it once. */
  private async renewed(refused: string | undefined): Promise<boolean> {
    this.renewing ??= this.address()
      .then((address) => {
        // New connections are made from the pool's options.
        this.options.connectionString = address;
        return address !== refused;
      })
      .finally(() => {
        this.renewing = undefined;
      });
    return this.renewing;
  }
}
