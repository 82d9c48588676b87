import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

type Input = Record<string, unknown>;
type Answer = object | Refusal;
type Script = Answer | ((input: Input, call: number) => Answer);

/** An error as SageMaker sends it. */
export class Refusal {
  constructor(
    readonly code: string,
    readonly message: string,
    readonly status = 400,
    readonly extra: object = {},
  ) {}
}

/** SageMaker's wire with answers by operation, for what neither AWS nor the local SageMaker can be made to say. */
export class ScriptedSageMaker {
  readonly calls: { operation: string; input: Input }[] = [];
  /** SageMaker's clock, in the Date header of its answers; the machine's without it. */
  clock: Date | undefined;

  private constructor(
    private readonly server: Server,
    private readonly scripts: Record<string, Script>,
  ) {}

  static async start(scripts: Record<string, Script>): Promise<ScriptedSageMaker> {
    const server = createServer();
    const scripted = new ScriptedSageMaker(server, scripts);
    server.on('request', (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const target = req.headers['x-amz-target'];
        const operation = typeof target === 'string' ? target.replace('SageMaker.', '') : 'InvokeEndpoint';
        const text = Buffer.concat(chunks).toString();
        const input = (typeof target === 'string' ? JSON.parse(text) : { Body: text }) as Input;
        const answer = scripted.answer(operation, input);
        if (scripted.clock) res.setHeader('date', scripted.clock.toUTCString());
        if (answer instanceof Refusal) {
          res.writeHead(answer.status, { 'x-amzn-errortype': answer.code });
          res.end(JSON.stringify({ __type: answer.code, message: answer.message, ...answer.extra }));
        } else {
          // Every good answer of SageMaker names its variant; `foreign` is one that something else gives in its place.
          if (typeof target !== 'string' && !('foreign' in answer))
            res.setHeader('x-amzn-invoked-production-variant', 'AllTraffic');
          res.end(
            typeof target === 'string' ? JSON.stringify(answer) : String((answer as { Body?: string }).Body ?? ''),
          );
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return scripted;
  }

  /** How often an operation was called. */
  count(operation: string): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  inputs(operation: string): Input[] {
    return this.calls.filter((call) => call.operation === operation).map(({ input }) => input);
  }

  get config() {
    const { port } = this.server.address() as AddressInfo;
    return {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
  }

  client = (): SageMakerClient => new SageMakerClient(this.config);
  runtime = (): SageMakerRuntimeClient => new SageMakerRuntimeClient(this.config);

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(operation: string, input: Input): Answer {
    this.calls.push({ operation, input });
    const script = this.scripts[operation] ?? new Refusal('UnknownOperationException', `not scripted: ${operation}`);
    return typeof script === 'function' ? script(input, this.count(operation)) : script;
  }
}
