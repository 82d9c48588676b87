// The jobs of docker-compose.yml's profile `local`: `node dist/examples/compose/main.js account|model|data`.
import { prepareExampleAccount, uploadNextDays } from './account.js';
import { declareModel } from './model.js';

const JOBS: Readonly<Record<string, () => Promise<void>>> = {
  account: prepareExampleAccount,
  model: declareModel,
  data: uploadNextDays,
};

const [name = ''] = process.argv.slice(2);
const job = JOBS[name];
try {
  if (!job) throw new Error(`There is no job "${name}": ${Object.keys(JOBS).join(', ')}.`);
  await job();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
