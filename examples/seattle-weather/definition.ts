import { checkDefinitions } from '../../client/definition/check.js';
import type { Definition } from '../../contracts/definition/index.js';
import { packagePath } from '../../local/paths.js';

export const MODEL_FILE = 'examples/seattle-weather/model.yaml';
export const STORAGE_FILE = 'examples/seattle-weather/storage.yaml';
/** The local Slack takes any token of this form. */
export const LOCAL_SLACK_TOKEN = 'xoxb-local';

/** The definition of the example, as its file has it. Throws if it has faults. */
export async function exampleDefinition(): Promise<Definition> {
  const { models, faults } = await checkDefinitions([packagePath(MODEL_FILE)]);
  const [model] = models;
  if (!model) throw new Error(`${MODEL_FILE} has ${faults.length} faults: perennial definition check ${MODEL_FILE}`);
  return model.definition;
}
