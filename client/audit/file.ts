import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Certificate } from '../../contracts/purge/audit.js';
import { CliError, usageError } from '../errors.js';
import type { Terminal } from '../terminal.js';
import { certificateIn, certificatePage } from './page.js';

/** A certificate as it is kept: JSON for programs, a page for people that holds the same JSON. */
type Form = 'json' | 'html';

/** Form of a file by its name's ending. */
export function formOf(file: string): Form {
  const form = /\.(json|html)$/.exec(file)?.[1];
  if (form) return form as Form;
  throw usageError(`--out ${file} must end in .json or .html`);
}

/** Writes a certificate; answers its size in bytes. */
export async function writeCertificate({ cwd }: Terminal, file: string, certificate: Certificate): Promise<number> {
  const text = formOf(file) === 'html' ? certificatePage(certificate) : `${JSON.stringify(certificate, null, 2)}\n`;
  await writeFile(resolve(cwd, file), text).catch((error: Error) => {
    throw new CliError(`${file} cannot be written: ${error.message}`);
  });
  return Buffer.byteLength(text);
}

/**
 * Reads a certificate, be it JSON or a page. `fault`: what a page shows that its JSON doesn't say.
 * @throws CliError for a file that is none
 */
export async function readCertificate(
  { cwd }: Terminal,
  file: string,
): Promise<{ readonly certificate: Certificate; readonly fault?: string }> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((error: Error) => {
    throw new CliError(`${file} cannot be read: ${error.message}`);
  });
  const isPage = /^\s*</.test(text);
  const certificate = parse(isPage ? certificateIn(text) : text);
  if (!certificate) throw new CliError(`${file} is no certificate of \`perennial purge certificate\``);
  if (!isPage || certificatePage(certificate) === text) return { certificate };
  return {
    certificate,
    fault: `the page ${file} is not what its certificate says: it was changed, or made by another version of Perennial; ask for a new one`,
  };
}

function parse(text: string | undefined): Certificate | undefined {
  try {
    const value = JSON.parse(text ?? '') as Partial<Certificate> | null;
    return value?.version === 1 && value.chain && Array.isArray(value.executions) ? (value as Certificate) : undefined;
  } catch {
    return undefined;
  }
}
