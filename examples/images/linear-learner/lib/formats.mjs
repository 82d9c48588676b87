/** The request and response formats of SageMaker's linear-learner, as its developer guide gives them. */
import { UserFault } from './container.mjs';
import { parseNumbers, place } from './csv.mjs';

/** A request that can't be answered, with its HTTP status. */
export class RequestFault extends Error {
  constructor(status, message, options) {
    super(message, options);
    this.status = status;
  }
}

const readers = {
  'text/csv': (text) => parseNumbers(text, '').map(({ line, values }) => ({ at: place('', line), values })),
  'application/json': (text) => {
    const instances = parseJson(text, '')?.instances;
    if (!Array.isArray(instances)) throw new UserFault('The body must be {"instances": [{"features": [...]}]}');
    return instances.map((instance, i) => features(instance, `instance ${i + 1}: `));
  },
  'application/jsonlines': (text) =>
    text.split('\n').flatMap((line, i) => {
      const at = place('', i + 1);
      return line.trim() === '' ? [] : [features(parseJson(line, at), at)];
    }),
};

const writers = {
  'application/json': (predictions) => JSON.stringify({ predictions }),
  'application/jsonlines': (predictions) => predictions.map((one) => `${JSON.stringify(one)}\n`).join(''),
  'text/csv': (predictions) => predictions.map((one) => `${Object.values(one).join(',')}\n`).join(''),
};

/**
 * The rows of a request's body.
 *
 * @param {string | undefined} contentType header value, parameters allowed
 * @returns {number[][]} rows of `featureDim` numbers
 * @throws {RequestFault} 415 for another type; 400 naming line or instance where the data is bad
 */
export function readRows(contentType, text, featureDim) {
  const type = (contentType ?? '').split(';')[0].trim().toLowerCase();
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (read === undefined) {
    const known = Object.keys(readers).join(', ');
    throw new RequestFault(415, `Content-Type ${contentType ?? '(none)'} is not supported: send ${known}`);
  }
  try {
    return read(text).map(({ at, values }) => checkWidth(at, values, featureDim));
  } catch (error) {
    if (error instanceof UserFault) throw new RequestFault(400, error.message, { cause: error });
    throw error;
  }
}

/**
 * Chooses the response's format from an Accept header: the supported type of the highest weight, the first on a tie.
 *
 * @returns {string} a key for `writePredictions`
 * @throws {RequestFault} 406 when none is supported
 */
export function chooseFormat(accept) {
  const wanted = (accept || '*/*')
    .split(',')
    .map((part) => {
      const [type, ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
      const weight = parameters.find((piece) => piece.startsWith('q='));
      return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight);
  for (const { type } of wanted) {
    const match = Object.keys(writers).find(
      (known) => type === '*/*' || type === known || type === `${known.split('/')[0]}/*`,
    );
    if (match !== undefined) return match;
  }
  throw new RequestFault(406, `Accept ${accept} is not supported: ask for ${Object.keys(writers).join(', ')}`);
}

/**
 * @param {string} format from `chooseFormat`
 * @param {{ score: number, predicted_label?: number }[]} predictions in the order of the request's rows; as CSV one line
 *   each, the score first
 */
export function writePredictions(format, predictions) {
  return writers[format](predictions);
}

function parseJson(text, at) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserFault(`${at}not valid JSON: ${error.message}`, { cause: error });
  }
}

/** Both forms SageMaker takes: {"features": […]} and {"data": {"features": {"values": […]}}}. */
function features(instance, at) {
  const values = instance?.features ?? instance?.data?.features?.values;
  if (!Array.isArray(values)) throw new UserFault(`${at}no "features" array`);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new UserFault(`${at}feature ${bad + 1} is ${JSON.stringify(values[bad])}, which is not a finite number`);
  return { at, values };
}

function checkWidth(at, values, featureDim) {
  if (values.length === featureDim) return values;
  const hint = values.length === featureDim + 1 ? '. Is the label still there? A request carries none' : '';
  throw new UserFault(`${at}${values.length} values, the model takes ${featureDim} features${hint}`);
}
