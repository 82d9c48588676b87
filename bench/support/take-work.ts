/** In a process that `startOwnProcess` started: one message a piece of work, one answer each. */
export function takeWork<Work>(run: (work: Work) => Promise<object>): void {
  process.on('message', (work: Work) => {
    run(work).then(
      (done) => process.send?.(done),
      (error: unknown) =>
        process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.send?.('ready');
}

/** Most resident memory of this process until now: the kernel's own word, in KiB on Linux and macOS alike (libuv). */
export const peakMiB = (): number => process.resourceUsage().maxRSS / 1_024;
