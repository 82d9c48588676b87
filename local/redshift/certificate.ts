import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { LOOPBACK } from '../addresses.js';

/** A certificate for 127.0.0.1, localhost and one more name or address, its key, and the authority's certificate that clients trust; all PEM. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly caFile: string;
}

// DER, as much of it as two certificates need (RFC 5280). Node can read certificates but issue none.
const tlv = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const size =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: readonly Buffer[]) => tlv(0x30, ...parts);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Buffer) => tlv(0x04, content);
const TRUE = tlv(0x01, Buffer.from([0xff]));
const name = (commonName: string) => sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(commonName)))));
const utcTime = (date: Date) =>
  tlv(
    0x17,
    Buffer.from(
      `${date
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2, 14)}Z`,
    ),
  );
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const extension = (id: string, critical: boolean, value: Buffer) =>
  sequence(oid(id), ...(critical ? [TRUE] : []), octets(value));

const publicKeyOf = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'der' });
const keyIdOf = (key: KeyObject) => createHash('sha1').update(publicKeyOf(key)).digest();

const YEARS = 10;

/** A certificate of `key`, signed by the authority's; its own for the authority itself. */
function issue(subject: string, key: KeyObject, issuer: string, signer: KeyObject, own: readonly Buffer[]): string {
  const from = new Date(Date.now() - 86_400_000);
  const to = new Date(from);
  to.setUTCFullYear(from.getUTCFullYear() + YEARS);
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)]);
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    ecdsaWithSha256,
    name(issuer),
    sequence(utcTime(from), utcTime(to)),
    name(subject),
    publicKeyOf(key),
    tlv(
      0xa3,
      sequence(
        ...own,
        extension('551d0e', false, octets(keyIdOf(key))),
        extension('551d23', false, sequence(tlv(0x80, keyIdOf(signer)))),
      ),
    ),
  );
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', toBeSigned, signer));
  const base64 = sequence(toBeSigned, ecdsaWithSha256, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A name that a certificate is for: an IPv4 address, or a host's. */
const subjectOf = (host: string) =>
  isIPv4(host) ? tlv(0x87, Buffer.from(host.split('.').map(Number))) : tlv(0x82, Buffer.from(host));

function make(hosts: readonly string[]): Omit<Certificates, 'caFile'> {
  const authority = newKey();
  const key = newKey();
  // Two authorities of one name would be taken for each other.
  const issuer = `Perennial local Redshift CA ${randomBytes(4).toString('hex')}`;
  const ca = issue(issuer, authority, issuer, authority, [
    extension('551d13', true, sequence(TRUE)),
    // keyCertSign, cRLSign
    extension('551d0f', true, tlv(0x03, Buffer.from([1, 0x06]))),
  ]);
  const cert = issue('localhost', key, issuer, authority, [
    extension('551d13', true, sequence()),
    // digitalSignature, serverAuth
    extension('551d0f', true, tlv(0x03, Buffer.from([7, 0x80]))),
    extension('551d25', false, sequence(oid('2b06010505070301'))),
    extension('551d11', false, sequence(...hosts.map(subjectOf))),
  ]);
  // The authority's key is kept nowhere: nobody can issue more in its name.
  return { ca, cert, key: pem(key) };
}

/** Whether what the folder holds still serves: whole, fitting, for all of the names and not about to run out. */
function usable({ ca, cert, key }: Omit<Certificates, 'caFile'>, hosts: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const soon = Date.now() + 30 * 86_400_000;
    return (
      certificate.verify(new X509Certificate(ca).publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(key)) &&
      hosts.every((host) => (isIPv4(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined) &&
      Date.parse(certificate.validTo) > soon
    );
  } catch {
    return false;
  }
}

/**
 * The certificates of a state folder, made at its first use: `ca.pem`, `server.pem`, `server.key`. Made anew, with
 * another authority, where they are not for `address`, the name or IPv4 address by which clients reach the server.
 */
export function certificatesOf(dir: string, address = LOOPBACK): Certificates {
  const hosts = [...new Set([LOOPBACK, 'localhost', address])];
  const file = (base: string) => join(dir, base);
  const caFile = file('ca.pem');
  const read = (base: string) => (existsSync(file(base)) ? readFileSync(file(base), 'utf8') : '');
  const found = { ca: read('ca.pem'), cert: read('server.pem'), key: read('server.key') };
  if (usable(found, hosts)) return { ...found, caFile };
  const made = make(hosts);
  mkdirSync(dir, { recursive: true });
  for (const [base, text] of [
    ['server.key', made.key],
    ['server.pem', made.cert],
    ['ca.pem', made.ca],
  ] as const) {
    writeFileSync(`${file(base)}.part`, text, { mode: base === 'server.key' ? 0o600 : 0o644 });
    renameSync(`${file(base)}.part`, file(base));
  }
  return { ...made, caFile };
}
