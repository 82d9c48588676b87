import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Manifest {
  readonly type: string;
  readonly body: Buffer;
}

const digestOf = (body: Buffer): string => `sha256:${createHash('sha256').update(body).digest('hex')}`;

/**
 * A registry in memory that speaks the OCI distribution protocol, a real peer of docker and podman: blobs in one or
 * several parts, manifests by tag and digest. It can refuse, be silent, and want the token of an anonymous caller.
 */
export class TestRegistry {
  /** Every request, `METHOD path`. */
  readonly requests: string[] = [];
  /** What it answers instead of the truth: a status with the protocol's code, or nothing ever. */
  fault: { readonly status: number; readonly code: string } | 'silent' | undefined;
  /** Wants a token of its own `/token`, as public registries do of those who only read. */
  wantsToken = false;
  /** Leaves out the header Docker-Content-Digest of manifests, which is optional. */
  hidesDigest = false;
  private readonly blobs = new Map<string, Buffer>();
  private readonly uploads = new Map<string, Buffer[]>();
  private readonly manifests = new Map<string, Manifest>();
  /** Where a token is to be had, instead of the truth. */
  realm: string | undefined;
  private readonly token = randomUUID();
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  /** Starts on a free port of loopback. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Digest that a repository has under a tag. */
  digest(repository: string, tag: string): string | undefined {
    const manifest = this.manifests.get(`${repository}/${tag}`);
    return manifest && digestOf(manifest.body);
  }

  /** Puts a manifest without the blobs that it names; answers with its digest. */
  put(repository: string, tag: string, type: string, content: object): string {
    const body = Buffer.from(JSON.stringify(content));
    for (const reference of [tag, digestOf(body)]) this.manifests.set(`${repository}/${reference}`, { type, body });
    return digestOf(body);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${this.host}`);
    this.requests.push(`${request.method} ${url.pathname}`);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const send = (status: number, headers: Record<string, string> = {}, content: Buffer | string = ''): void => {
      const size = Buffer.byteLength(content);
      response.writeHead(status, { 'content-length': String(size), ...headers });
      response.end(request.method === 'HEAD' ? undefined : content);
    };
    const refuse = (status: number, code: string, headers: Record<string, string> = {}): void => {
      const content = JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] });
      send(status, { 'content-type': 'application/json', ...headers }, content);
    };
    if (this.fault === 'silent') return;
    if (url.pathname === '/token') return send(200, {}, JSON.stringify({ token: this.token }));
    if (this.fault) return refuse(this.fault.status, this.fault.code);
    if (this.wantsToken && request.headers.authorization !== `Bearer ${this.token}`) {
      const scope = `repository:${/^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname)?.[1] ?? ''}:pull`;
      const realm = this.realm ?? `http://${this.host}/token`;
      const wanted = `Bearer realm="${realm}",service="test",scope="${scope}"`;
      return refuse(401, 'UNAUTHORIZED', { 'www-authenticate': wanted });
    }
    this.serve(
      { method: request.method ?? 'GET', url, body, type: request.headers['content-type'] ?? '' },
      send,
      refuse,
    );
  }

  private serve(
    { method, url, body, type }: { method: string; url: URL; body: Buffer; type: string },
    send: (status: number, headers?: Record<string, string>, content?: Buffer | string) => void,
    refuse: (status: number, code: string) => void,
  ): void {
    if (url.pathname === '/v2/') return send(200);
    const [, repository = '', kind, name = ''] =
      /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests)\/(.*)$/.exec(url.pathname) ?? [];
    if (kind === 'blobs/uploads') {
      if (method === 'POST') {
        const id = randomUUID();
        this.uploads.set(id, []);
        return send(202, { location: `/v2/${repository}/blobs/uploads/${id}`, 'docker-upload-uuid': id, range: '0-0' });
      }
      const parts = this.uploads.get(name);
      if (!parts) return refuse(404, 'BLOB_UPLOAD_UNKNOWN');
      if (body.length > 0) parts.push(body);
      const whole = Buffer.concat(parts);
      if (method === 'PATCH') return send(202, { location: url.pathname, range: `0-${Math.max(whole.length - 1, 0)}` });
      const digest = digestOf(whole);
      if (digest !== url.searchParams.get('digest')) return refuse(400, 'DIGEST_INVALID');
      this.blobs.set(digest, whole);
      return send(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest });
    }
    if (kind === 'blobs') {
      const blob = this.blobs.get(name);
      return blob ? send(200, { 'docker-content-digest': name }, blob) : refuse(404, 'BLOB_UNKNOWN');
    }
    const known = this.manifests.get(`${repository}/${name}`);
    if (method === 'PUT') {
      const digest = digestOf(body);
      for (const reference of [name, digest]) this.manifests.set(`${repository}/${reference}`, { type, body });
      return send(201, { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest });
    }
    if (!known) return refuse(404, 'MANIFEST_UNKNOWN');
    const named: Record<string, string> = this.hidesDigest ? {} : { 'docker-content-digest': digestOf(known.body) };
    return send(200, { 'content-type': known.type, ...named }, known.body);
  }
}
