import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Mount } from '../context.js';
import { RELAY } from './own-network.js';

const run = promisify(execFile);

/**
 * How programs get their /opt/ml on this machine. `private` holds the command line that enters fresh mount and PID
 * namespaces; without it programs run as plain processes and get SAGEMAKER_BASE_DIR.
 */
export interface Isolation {
  readonly private?: readonly string[];
  /** Put before a plain command: ends it with its parent, where the system can do that. */
  readonly plain: readonly string[];
}

/**
 * Runs in the new namespaces. /opt/ml is made on a tmpfs over /opt that has /opt's other entries bound back, so that
 * nothing is ever created on the host. The shell stays as process 1: a program that is process 1 itself ignores
 * SIGTERM unless it handles it, and nobody collects its orphans. The shell ignores SIGTERM too until it has its trap,
 * so it says on descriptor 3 when program and trap are there.
 */
const SCRIPT = `
set -e
stage=$1 opt_ml=$2 model=$3 socket=$4 mounts=$5
shift 5
if [ ! -d /opt/ml ]; then
  mount -t tmpfs -o mode=755 tmpfs "$stage"
  for entry in /opt/* /opt/.[!.]*; do
    target=$stage/\${entry##*/}
    if [ -L "$entry" ]; then cp -P "$entry" "$target"
    elif [ -d "$entry" ]; then mkdir "$target"; mount --rbind "$entry" "$target"
    elif [ -f "$entry" ]; then : > "$target"; mount --bind "$entry" "$target"
    fi
  done
  mkdir "$stage/ml"
  mount --rbind "$stage" /opt
fi
mount --bind "$opt_ml" /opt/ml
if [ -n "$model" ]; then
  mount --bind "$model" /opt/ml/model
  # A user namespace may refuse the remount; then the model is only writable, no less private.
  mount -o remount,bind,ro /opt/ml/model 2>/dev/null || :
fi
while [ "$mounts" -gt 0 ]; do
  mount --bind "$1" "/opt/ml/$2"
  # Unlike the model, it is data of others: a program that may only read never starts where it could write.
  if [ "$3" = ro ]; then
    # A user namespace lets no flag go that the file system was mounted with, and they must be said again.
    for flags in ro ro,nosuid,nodev ro,nosuid,nodev,noexec last; do
      if [ "$flags" = last ]; then echo "$1 can't be mounted read-only here" >&2; exit 1; fi
      if mount -o "remount,bind,$flags" "/opt/ml/$2" 2>/dev/null; then break; fi
    done
  fi
  shift 3
  mounts=$((mounts - 1))
done
if [ -n "$socket" ]; then
  ip link set lo up
  node -e '${RELAY}' "$socket" 3>&- &
fi
"$@" 3>&- &
program=$!
trap : TERM INT
if { true >&3; } 2>/dev/null; then
  # Nobody reads any more: the server died before the system was asked to end its programs with it.
  { echo started >&3; } 2>/dev/null || { kill -KILL "$program"; exit 1; }
  exec 3>&-
fi
while :; do
  code=0
  wait "$program" || code=$?
  kill -0 "$program" 2>/dev/null || exit "$code"
done
`;

const PARENT_DEATH = ['setpriv', '--pdeathsig', 'KILL', '--'];
const PID_NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];

/** What a program gets to see. */
export interface View {
  readonly optMl: string;
  readonly modelDir?: string | undefined;
  readonly mounts?: readonly Mount[] | undefined;
  /** Socket file through which its own network is reached; the host's network without. */
  readonly socket?: string | undefined;
}

/** The whole command line for a program, in its namespaces if the machine has them. */
export function commandLine(isolation: Isolation, stage: string, view: View, program: readonly string[]): string[] {
  if (!isolation.private) return [...isolation.plain, ...program];
  const network = view.socket === undefined ? [] : ['unshare', '--net', '--'];
  const mounts = (view.mounts ?? []).flatMap(({ folder, path, readOnly }) => [folder, path, readOnly ? 'ro' : 'rw']);
  const args = [stage, view.optMl, view.modelDir ?? '', view.socket ?? '', String(mounts.length / 3), ...mounts];
  return [...isolation.private, ...network, 'sh', '-c', SCRIPT, 'sh', ...args, ...program];
}

/**
 * Finds out once, by trying, which isolation this machine allows: as root, or in a user namespace, each with a PID
 * namespace if possible. `dir` is a folder of ours that holds the mount stage and the trial.
 */
export async function probeIsolation(dir: string, stage: string): Promise<Isolation> {
  const trial = await mkdtemp(join(dir, 'probe-'));
  try {
    await mkdir(join(trial, 'found'));
    const plain = (await succeeds([...PARENT_DEATH, 'true'])) ? PARENT_DEATH : [];
    const users = process.getuid?.() === 0 ? [[], ['-r']] : [['-r']];
    for (const pid of [PID_NAMESPACE, []]) {
      for (const user of users) {
        const prefix = ['unshare', ...user, '-m', '--propagation', 'private', '--', ...plain, ...pid];
        const command = commandLine({ private: prefix, plain }, stage, { optMl: trial }, [
          'test',
          '-d',
          '/opt/ml/found',
        ]);
        if (await succeeds(command)) return { private: prefix, plain };
      }
    }
    return { plain };
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

async function succeeds([command, ...args]: readonly string[]): Promise<boolean> {
  return run(command as string, args, { timeout: 5_000, killSignal: 'SIGKILL' }).then(
    () => true,
    // Not there, not allowed, too old: whatever the reason, this way is not for this machine.
    () => false,
  );
}
