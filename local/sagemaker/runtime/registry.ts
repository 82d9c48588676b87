import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Process groups that we started, on disk, so that the next start can end what a crash left behind. */
export interface Registry {
  add(pid: number): void;
  remove(pid: number): void;
  /** Kills the groups of an earlier life that still run; returns their ids. */
  killLeftovers(): number[];
}

/** One file a process group in `dir`, named by its leader's pid and holding the leader's start time. */
export function openRegistry(dir: string): Registry {
  mkdirSync(dir, { recursive: true });
  return {
    add(pid) {
      writeFileSync(join(dir, String(pid)), startTime(pid) ?? '');
    },
    remove(pid) {
      rmSync(join(dir, String(pid)), { force: true });
    },
    killLeftovers() {
      const killed: number[] = [];
      for (const file of readdirSync(dir)) {
        const pid = Number(file);
        const started = readFileSync(join(dir, file), 'utf8');
        // The start time tells our process from a stranger that got its number.
        if (started !== '' && startTime(pid) === started && signalGroup(pid, 'SIGKILL')) killed.push(pid);
        rmSync(join(dir, file), { force: true });
      }
      return killed;
    },
  };
}

/** Signals a process group; false if there is none any more. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** What identifies a process beside its number, or undefined if it is gone. */
function startTime(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Field 22; the second one, the command in parentheses, may hold spaces.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    } catch {
      return undefined;
    }
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
