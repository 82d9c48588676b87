import { packagePath } from '../../local/paths.js';

/** Starts what `use` starts with one of the scenarios' own images (bench/images) among the local ones: its name as repository. */
export async function withImage<T>(image: string, use: () => Promise<T>): Promise<T> {
  const before = process.env['SAGEMAKER_LOCAL_IMAGES'];
  process.env['SAGEMAKER_LOCAL_IMAGES'] = JSON.stringify({ [image]: packagePath('bench', 'images', image) });
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env['SAGEMAKER_LOCAL_IMAGES'];
    else process.env['SAGEMAKER_LOCAL_IMAGES'] = before;
  }
}
