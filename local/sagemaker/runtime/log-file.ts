import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** A full log moves to `<file>.1`; one of those is kept, so a program's logs take twice this at most. */
const LARGEST_LOG = 8 * 1024 * 1024;

export interface LogFile {
  write(chunk: Buffer): void;
  close(): void;
}

/** Appends to a log file whose size is bounded. */
export function openLog(file: string): LogFile {
  mkdirSync(dirname(file), { recursive: true });
  let fd: number | undefined = openSync(file, 'a');
  let size = existsSync(file) ? statSync(file).size : 0;
  return {
    write(chunk) {
      if (fd === undefined) return;
      if (size + chunk.length > LARGEST_LOG) {
        closeSync(fd);
        renameSync(file, `${file}.1`);
        fd = openSync(file, 'a');
        size = 0;
      }
      // Synchronous, so that whoever sees a program's end can read all it said.
      writeSync(fd, chunk);
      size += chunk.length;
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
