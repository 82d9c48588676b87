import { walkCommand, walking, type Done, type Say } from '../walk/command.js';
import { walkThrough, type Observations } from './walk-through.js';

/** `npm run example:warehouse`, `node bin/warehouse.mjs`: see --help. Answers with the exit code. */
export const main = (
  argv: readonly string[],
  out: Say = (line) => console.log(line),
  err: Say = (line) => console.error(line),
): Promise<number> =>
  walkCommand(
    {
      called: 'npm run example:warehouse --',
      description:
        'Ticket sales, from raw objects by way of a warehouse to a deleted endpoint (examples/warehouse/README.md).\n' +
        'Uses the local mode that runs, or else one that it starts and stops.',
      job: walking('warehouse', async (options) => summary(await walkThrough(options))),
    },
    argv,
    out,
    err,
  );

/** The observations without the rows. It is a failure if the model is no better than the median, something was news, or the endpoint is there. */
function summary({ warehouse, definition: _, ...seen }: Observations): Done {
  const { mdape, naiveMdape, again, endpointGone } = seen;
  const events = { train: warehouse.train.length, test: warehouse.test.length };
  return {
    code: mdape < naiveMdape && again.outcome === 'NoNewData' && endpointGone ? 0 : 1,
    result: { events, ...seen },
  };
}
