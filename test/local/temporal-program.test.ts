import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { installed } from '../../local/tools/install.js';
import { checkProgram } from '../../local/tools/temporal-from-sdk.js';
import { temporaryFolder } from '../support/local.js';

it('knows the pinned Temporal CLI by its hash, and nothing else', async () => {
  const { folder } = await installed('temporal');
  const program = join(folder, 'bin', 'temporal');
  await expect(checkProgram(program)).resolves.toBeUndefined();
  await expect(checkProgram(program, 'sunos-x64')).rejects.toThrow(
    /no hash of Temporal CLI v\S+ is known for sunos-x64/,
  );
  const other = join(await temporaryFolder(), 'temporal');
  await writeFile(other, 'something else');
  await expect(checkProgram(other)).rejects.toThrow(
    /temporal is not Temporal CLI v\S+ for .*its SHA-256 is \w{64}, not \w{64}$/,
  );
});
