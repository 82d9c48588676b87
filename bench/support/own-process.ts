import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Env } from '../../examples/demo/account.js';
import { compiled } from '../../local/paths.js';

/** A process that does one piece of work after the other, so that its memory and time are nobody else's. */
export interface OwnProcess<Work, Done> {
  run(work: Work): Promise<Done>;
  /** SIGKILL, whatever it does; resolves once it is gone. */
  stop(): Promise<void>;
}

/** Starts a program of ours, named without extension, that takes work by `takeWork`; `env` leads it to its services. */
export async function startOwnProcess<Work extends object, Done extends object>(
  program: string,
  env: Env,
): Promise<OwnProcess<Work, Done>> {
  const child = fork(compiled(program), [], { env: { ...process.env, ...env }, execArgv: [] });
  const gone = once(child, 'exit');
  const answer = async () => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      gone.then(([code, signal]) => Promise.reject(new Error(`${program} ended: ${String(code ?? signal)}.`))),
    ])) as [unknown];
    return message;
  };
  await answer();
  return {
    async run(work) {
      child.send(work);
      const done = (await answer()) as Done | { failure: string };
      if ('failure' in done) throw new Error(`${program}: ${done.failure}`);
      return done;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await gone;
    },
  };
}
