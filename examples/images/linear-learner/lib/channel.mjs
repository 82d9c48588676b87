/** A channel of training data: every file under /opt/ml/input/data/<channel>, label first. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { UserFault } from './container.mjs';
import { parseNumbers, place } from './csv.mjs';

/**
 * Reads a channel in the order of its file names. Names that start with `.` or `_` (markers of tools) are left out.
 *
 * @param {{ expected?: { dim: number, why: string }, binary: boolean, contentType?: string }} options `expected` is the
 *   number of features and what asks for it; without it the first row decides
 * @returns {Promise<{ files: number, labels: number[], features: number[][] }>} rows of equal length
 * @throws {UserFault} naming file and line of a bad row, or the channel when it holds none
 */
export async function readChannel(container, name, { expected, binary, contentType }) {
  const root = join(container.data, name);
  checkContentType(name, contentType);
  const paths = await listFiles(root, name);
  const labels = [];
  const features = [];
  let width = expected;
  for (const path of paths) {
    const source = join(name, relative(root, path));
    for (const { line, values } of parseNumbers(await readFile(path), source)) {
      const [label, ...row] = values;
      const at = place(source, line);
      if (row.length === 0) throw new UserFault(`${at}a row needs a label and at least one feature`);
      width ??= { dim: row.length, why: `the first row (${source} line ${line}) has` };
      if (row.length !== width.dim) {
        throw new UserFault(`${at}${row.length} features after the label, ${width.why} ${width.dim}`);
      }
      if (binary && label !== 0 && label !== 1) {
        throw new UserFault(`${at}the label is ${label}: for binary_classifier it must be 0 or 1`);
      }
      labels.push(label);
      features.push(row);
    }
  }
  if (labels.length === 0) {
    throw new UserFault(`Channel ${name} is empty: no row in ${paths.length} files under ${root}`);
  }
  return { files: paths.length, labels, features };
}

/** Whether the job has the channel at all. */
export async function hasChannel(container, name) {
  try {
    return (await stat(join(container.data, name))).isDirectory();
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

async function listFiles(root, name) {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && !/^[._]/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    if (error.code === 'ENOENT')
      throw new UserFault(`Channel ${name} is missing: ${root} does not exist`, { cause: error });
    throw error;
  }
}

/** SageMaker's CSV may say `text/csv;label_size=1`, where 1 is also what counts when nothing is said. */
function checkContentType(name, contentType) {
  if (contentType === undefined) return;
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  const labelSize = parameters.find((part) => part.startsWith('label_size='));
  if (type !== 'text/csv' || (labelSize !== undefined && labelSize !== 'label_size=1')) {
    throw new UserFault(
      `Channel ${name} has the content type ${contentType}: this image reads text/csv with one label`,
    );
  }
}
