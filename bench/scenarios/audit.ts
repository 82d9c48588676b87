import {
  CERTIFICATE_TAMPERINGS,
  HEAD_TAMPERINGS,
  type CertificateTampering,
} from '../support/audit/other-tampering.js';
import { DATABASE_TAMPERINGS, type Tampering } from '../support/audit/database-tampering.js';
import {
  FORMER_CERTIFICATE_TAMPERINGS,
  FORMER_KEY_TAMPERINGS,
  replaceKey,
} from '../support/audit/former-key-tampering.js';
import { AuditWorld, type Servers } from '../support/audit/world.js';
import { withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

/** Kinds of tampering that the requirement counts. */
const LEAST_KINDS = 20;
const REQUESTS = ['DSR-1', 'DSR-2', 'DSR-3'];
/** Rows of the chain whose verification is timed. */
const LONG_CHAIN = 100_000;

interface Observation {
  readonly tampering: string;
  readonly found: boolean;
  readonly faults: readonly string[];
}

export const audit: Scenario = {
  name: 'audit',
  what: 'kinds of tampering with the record of purges that `perennial audit verify` finds and names, an untouched one being faultless',
  unit: 'kinds found',
  limit: LEAST_KINDS,
  bound: 'at least',
  measure: (context) =>
    withStack(context, ({ urls: { aws = '', postgres = '' } }) => measure(context, { aws, postgres }), [
      'aws',
      'postgres',
    ]),
};

async function measure({ say, signal }: BenchContext, servers: Servers): Promise<Measured> {
  const observations: Observation[] = [];
  const inWorld = async <T>(use: (world: AuditWorld) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const world = await AuditWorld.make(servers);
    return use(world).finally(() => world.close());
  };
  const observe = (name: string, pattern: RegExp, faults: readonly string[]) => {
    const found = faults.some((fault) => pattern.test(fault));
    observations.push({ tampering: name, found, faults: faults.slice(0, 5) });
    say(`${found ? 'found' : 'NOT FOUND'}: ${name}`);
  };
  const play = ({ name, found, tamper }: Tampering) =>
    inWorld(async (world) => {
      for (const request of REQUESTS) await world.purge(request);
      await tamper(world);
      observe(name, found, (await world.verify()).faults);
    });

  /** Answers with the faults of an untouched one. */
  const playCertificates = (
    tamperings: readonly CertificateTampering[],
    meanwhile: (world: AuditWorld) => Promise<void> = async () => undefined,
  ) =>
    inWorld(async (world) => {
      for (const request of REQUESTS) await world.purge(request);
      const certificate = await world.certificate('DSR-1');
      await meanwhile(world);
      const faults = [...(await world.verify()).faults, ...(await world.verifyCertificate(certificate)).faults];
      for (const { name, found, edit } of tamperings)
        observe(name, found, (await world.verifyCertificate(await edit(certificate, world))).faults);
      return faults;
    });

  const untouched = [
    ...(await playCertificates(CERTIFICATE_TAMPERINGS)),
    ...(await playCertificates(FORMER_CERTIFICATE_TAMPERINGS, replaceKey)),
  ];
  for (const tampering of [...DATABASE_TAMPERINGS, ...HEAD_TAMPERINGS, ...FORMER_KEY_TAMPERINGS]) await play(tampering);
  const speed = await inWorld((world) => timed(world, say));
  const found = observations.filter((one) => one.found).length;
  return {
    figure: found,
    ok: found === observations.length && found >= LEAST_KINDS && untouched.length === 0 && speed.faults === 0,
    detail: { kinds: observations.length, untouched, speed, observations },
  };
}

/** How long a chain takes to be appended and verified, and what memory that needs. */
async function timed(world: AuditWorld, say: (line: string) => void) {
  const batch = 10_000;
  const started = performance.now();
  for (let start = 0; start < LONG_CHAIN; start += batch) {
    const keys = Array.from({ length: batch - 2 }, (_, index) => `key-${start + index}`);
    await world.purge(`DSR-${start}`, keys);
  }
  const appended = performance.now();
  say(`${LONG_CHAIN} rows appended; verifying …`);
  const before = process.memoryUsage().rss;
  const { rows, heads, faults } = await world.verify();
  return {
    ...{ rows, heads, faults: faults.length },
    appendedPerSecond: Math.round((rows * 1_000) / (appended - started)),
    verifiedPerSecond: Math.round((rows * 1_000) / (performance.now() - appended)),
    memoryGrownMiB: Math.round((process.memoryUsage().rss - before) / 2 ** 20),
  };
}
