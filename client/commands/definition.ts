import { checkDefinitions } from '../definition/check.js';
import { renderFaults } from '../definition/fault.js';
import { warningsOf } from '../definition/warnings.js';
import { definitionJsonSchema } from '../../contracts/definition/index.js';
import { storageJsonSchema } from '../../contracts/storage/index.js';
import { EXIT } from '../errors.js';
import { plural } from '../format.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

/** `definition check` and `definition schema`: both work without Temporal. */
export function definitionCommand(context: Context): void {
  const definition = context.program.command('definition').description('check definition files, print their schema');

  definition
    .command('check')
    .description('check definition files: every fault with its line, the value found and what to write instead')
    .argument('<paths...>', 'YAML files, or folders of them')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('definition check models/', 'definition check models/weather.yaml --json'))
    .action(async (paths, options) => {
      const output = outputOf(context, options);
      const { files, models, storage, faults } = await checkDefinitions(paths);
      const ok = faults.length === 0;
      const warnings = models.flatMap(({ file, definition }) =>
        warningsOf(definition).map((warning) => ({ file, model: definition.name, warning })),
      );
      const answer = {
        ok,
        files,
        models: models.map((model) => model.definition.name),
        storage: storage?.file,
        faults,
        warnings,
      };
      output.result(answer, () =>
        ok
          ? [
              ...models.map(({ file, definition: { name } }) => `${file}: ok, model ${name}`),
              ...(storage ? [`${storage.file}: ok, storage`] : []),
            ].join('\n')
          : `${renderFaults(faults)}\n\n${plural(faults.length, 'fault')} in ${plural(new Set(faults.map(({ file }) => file)).size, 'file')}`,
      );
      for (const { file, warning } of warnings) output.note(`${file}: warning: ${warning}`);
      context.exitCode = ok ? EXIT.ok : EXIT.failed;
    });

  definition
    .command('schema')
    .description('print the JSON Schema of a definition, or of the storage file, for editors')
    .option('--storage', 'that of the storage file')
    .option(JSON_FLAG, 'print it on one line')
    .addHelpText(
      'after',
      `${examples('definition schema > perennial.schema.json', 'definition schema --storage > storage.schema.json')}

An editor with a YAML language server checks as you type if the file starts with
  # yaml-language-server: $schema=perennial.schema.json`,
    )
    .action((options) => {
      const schema = options.storage ? storageJsonSchema() : definitionJsonSchema();
      outputOf(context, options).result(schema, () => JSON.stringify(schema, null, 2));
    });
}
