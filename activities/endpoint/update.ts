import { type SageMakerClient, UpdateEndpointCommand, type UpdateEndpointInput } from '@aws-sdk/client-sagemaker';
import { withFailures } from '../errors.js';

/**
 * UpdateEndpoint without the SDK's own repetitions. SageMaker takes it again from an endpoint that is on the config already, and a second
 * blue/green deployment of the same model would begin: whoever tries again has to look at the endpoint first, as the activity does.
 * `alive` throws where another attempt may be at it already.
 */
export async function updateOnce(
  sagemaker: SageMakerClient,
  input: UpdateEndpointInput,
  alive: () => void,
): Promise<void> {
  alive();
  const about = { action: 'UpdateEndpoint', resource: `endpoint ${input.EndpointName}` };
  const command = new UpdateEndpointCommand(input);
  let refused: unknown;
  command.middlewareStack.add(
    (next) => (args) =>
      next(args).catch((error: unknown) => {
        refused = error;
        // Bare, as the SDK repeats what it knows, by an error's name, its code or its cause.
        return Promise.reject(new Error('not repeated'));
      }),
    { step: 'finalizeRequest', priority: 'low', name: 'sentOnce' },
  );
  await withFailures(about, async () => {
    try {
      await sagemaker.send(command);
    } catch (error) {
      throw refused ?? error;
    }
  });
}
