import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { compiled } from '../paths.js';
import { isProgram, type Progress, toolsDir } from './install.js';

/** The version of `temporal.txt`, as the SDK's download names it. */
const DOWNLOADED_VERSION = 'v1.9.1';

/** SHA-256 of that release's programs. The packages of `temporal.txt` are the release repacked, so these are theirs too. */
const PROGRAM_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
  'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
  'darwin-x64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
  'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
};

/**
 * Whether a file is the pinned release's program for a platform (`process.platform-process.arch`).
 * @throws Error that says which hash was met and which expected, or that none is known for the platform
 */
export async function checkProgram(file: string, platform = `${process.platform}-${process.arch}`): Promise<void> {
  const expected = PROGRAM_SHA256[platform];
  if (expected === undefined) throw new Error(`no hash of Temporal CLI ${DOWNLOADED_VERSION} is known for ${platform}`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const met = hash.digest('hex');
  if (met !== expected)
    throw new Error(
      `${file} is not Temporal CLI ${DOWNLOADED_VERSION} for ${platform}: its SHA-256 is ${met}, not ${expected}`,
    );
}

/** The SDK's own download, for a machine that pip can't serve. The SDK pins the version and checks no hash, so we do. */
export async function downloadedTemporal(say: Progress, signal: AbortSignal | undefined): Promise<string> {
  const folder = join(toolsDir(), `temporal-sdk-${DOWNLOADED_VERSION}`);
  await mkdir(folder, { recursive: true });
  const find = async () => (await readdir(folder)).map((name) => join(folder, name)).find(isProgram);
  const checked = async (file: string) => {
    try {
      await checkProgram(file);
      return file;
    } catch (error) {
      // Or the next start would meet it again.
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  };
  const before = await find();
  if (before !== undefined) return checked(before);
  say(`Downloading the Temporal CLI ${DOWNLOADED_VERSION} with the SDK (once) …`);
  await promisify(execFile)(process.execPath, [compiled('local/tools/download-temporal'), DOWNLOADED_VERSION, folder], {
    signal,
  });
  const file = await find();
  if (file === undefined) throw new Error(`it left no program in ${folder}`);
  return checked(file);
}
