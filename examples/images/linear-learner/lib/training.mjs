/** One training job: settings, channels, fit, log, artefact. */
import { hasChannel, readChannel } from './channel.mjs';
import { log, readConfig, UserFault } from './container.mjs';
import { fitClassifier, fitRegressor } from './fit.mjs';
import { parseHyperparameters } from './hyperparameters.mjs';
import { measure } from './metrics.mjs';
import { saveModel } from './model.mjs';

/**
 * Trains on channel `train`, measures on it and on `validation` and `test` where the job has them, writes the model.
 *
 * @throws {UserFault} on settings and data that can't be trained on
 */
export async function runTraining(container) {
  const settings = parseHyperparameters(await readConfig(container, 'hyperparameters.json', {}));
  const resources = await readConfig(container, 'resourceconfig.json', {});
  const hosts = resources.hosts ?? ['algo-1'];
  if (hosts.length > 1) {
    throw new UserFault(`This image trains on one instance, the job has ${hosts.length}: set the instance count to 1`);
  }
  const host = resources.current_host ?? 'algo-1';
  if (settings.ignored.length > 0) {
    log(`Without effect, as the problem is solved exactly: ${settings.ignored.join(', ')}`);
  }
  const channels = await readChannels(container, settings);
  const report = (where, { name, kind, value }) =>
    log(`#quality_metric: host=${host}, ${where} ${name} <${kind}>=${value}`);

  const fitted = fit(channels.train, settings, (epoch, model) => {
    const [objective, ...others] = measure({ predictorType: settings.predictorType, ...model }, channels.train);
    report(`epoch=${epoch}, train`, objective);
    // The real one logs its objective alone by epoch; mse is repeated for those who match it by epoch.
    for (const metric of others.filter(({ name }) => name === 'mse')) report(`epoch=${epoch}, train`, metric);
  });
  for (const [name, data] of Object.entries(channels)) {
    for (const metric of measure({ predictorType: settings.predictorType, ...fitted }, data)) report(name, metric);
  }
  const id = await saveModel(container, settings.predictorType, fitted);
  log(`Wrote model ${id} with ${fitted.means.length} features to ${container.model}`);
}

function fit(train, settings, onEpoch) {
  if (settings.predictorType === 'binary_classifier') return fitClassifier(train, settings, onEpoch);
  const fitted = fitRegressor(train, settings);
  onEpoch(0, fitted);
  return fitted;
}

async function readChannels(container, settings) {
  const inputs = await readConfig(container, 'inputdataconfig.json', {});
  const channels = {};
  const { featureDim } = settings;
  let expected = featureDim === null ? undefined : { dim: featureDim, why: 'the hyperparameter feature_dim says' };
  for (const name of ['train', 'validation', 'test']) {
    if (name !== 'train' && !(await hasChannel(container, name))) continue;
    const { TrainingInputMode: mode, ContentType: contentType } = inputs[name] ?? {};
    if (mode === 'Pipe') {
      throw new UserFault(`Channel ${name} has the input mode Pipe: this image reads files, set File or FastFile`);
    }
    log(`Reading channel ${name}`);
    const binary = settings.predictorType === 'binary_classifier';
    channels[name] = await readChannel(container, name, { expected, binary, contentType });
    expected ??= { dim: channels[name].features[0].length, why: 'channel train has' };
    log(`Read ${channels[name].labels.length} rows from ${channels[name].files} files of channel ${name}`);
  }
  return channels;
}
