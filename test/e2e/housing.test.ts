import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../examples/housing/main.js';
import { housingReference, type HousingReference } from '../../examples/housing/reference.js';
import { walkThrough, type Observations } from '../../examples/housing/walk-through.js';
import { Setting } from './setting.js';

let seen: Observations;
let reference: HousingReference;
let setting: Setting;
// The first use of a machine fetches the data and the image's packages.
beforeAll(async () => {
  setting = await Setting.start();
  const said: string[] = [];
  seen = await walkThrough({ env: setting.env, say: (line) => void said.push(line) }).catch((error: Error) => {
    throw new Error(`${error.message}\n${said.join('\n')}`, { cause: error });
  });
  reference = await housingReference(seen.split, seen.definition.training);
}, 600_000);
afterAll(() => setting.stop(), 60_000);

describe('the housing-prices walk-through', () => {
  it('deploys a model as good on the held-back sales as the XGBoost package alone', () => {
    const { state, evaluation } = seen.run;
    expect(state).toBe('Deployed');
    expect(evaluation).toMatchObject({ metric: 'mdape', rows: 4_359, holdout: { files: seen.uploaded.objects.test } });
    expect(evaluation.verdict).toMatchObject({ passed: true });
    const { mdape } = evaluation.candidate.metrics;
    expect(Math.abs(Number(mdape) / reference.mdape - 1)).toBeLessThan(0.1);
    // Who always guesses the median price has 0.29.
    expect(mdape).toBeLessThan(0.1);
  });

  it('answers the same by evaluation, batch transform and endpoint', () => {
    const { run, transform, invoked } = seen;
    expect(transform.mdape).toBeCloseTo(Number(run.evaluation.candidate.metrics.mdape), 9);
    expect(transform).toMatchObject({ outcome: 'Completed', run: run.run, objects: 1 });
    expect(transform.predictions).toHaveLength(seen.split.test.length);
    expect(invoked).toEqual(transform.predictions.slice(0, 5));
  });

  it('has its key on every object, job and endpoint config', () => {
    const { uploaded, keys, withoutKey } = seen;
    expect(uploaded.objects).toEqual({ train: 84, validation: 84, test: 84 });
    expect(uploaded.keys).toHaveLength(3 * 84 + 1);
    const kinds = ['volume of training job', 'output of training job', 'S3 object', 'endpoint config'];
    for (const kind of [...kinds, 'volume of transform job', 'output of transform job'])
      expect(keys.some(({ what }) => what.startsWith(kind))).toBe(true);
    expect(withoutKey).toEqual([]);
  });

  it('can be walked in parts, beside commands that a person types', async () => {
    const printed: string[] = [];
    const part = (...args: string[]) =>
      main(
        [...args, '--state-dir', setting.stateDir, '--json'],
        (line) => void printed.push(line),
        () => undefined,
      );
    expect(await part('upload')).toBe(0);
    expect(JSON.parse(String(printed.at(-1)))).toMatchObject({ keyArn: seen.keyArn, objects: seen.uploaded.objects });
    const answers = `${seen.transform.outputUri}test.csv.out`;
    expect(await part('mdape', answers)).toBe(0);
    expect(JSON.parse(String(printed.at(-1)))).toEqual({ mdape: seen.transform.mdape, rows: 4_359 });
    await expect(part('mdape', `${answers}.gone`)).rejects.toThrow(`There is no ${answers}.gone`);
  });

  it('leaves no endpoint', async () => {
    expect(seen.endpointGone).toBe(true);
    const { code, said } = await setting.cli('invoke', 'housing', '--csv', '1,2');
    expect([code, said]).toEqual([1, expect.stringContaining('housing')]);
  });
});
