import type { Measured, Scenario } from '../../bench/scenario.js';

/** Plays a sample of so many of a campaign's points. The seed is printed with the progress; PERENNIAL_CAMPAIGN_SEED plays that sample again. */
export async function playSample({ measure }: Scenario, points: number): Promise<Measured> {
  const given = process.env['PERENNIAL_CAMPAIGN_SEED'];
  const seed = given === undefined ? undefined : Number(given);
  return measure({
    say: (line) => void process.stderr.write(`${line}\n`),
    signal: new AbortController().signal,
    draw: { points, seed },
  });
}
