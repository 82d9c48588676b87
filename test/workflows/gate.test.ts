import { describe, expect, it } from 'vitest';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import type { Evaluation } from '../../contracts/evaluation.js';
import type { MetricValues } from '../../contracts/metrics.js';
import { figure, judge } from '../../workflows/retrain/gate.js';
import { exampleDefinition } from '../support/definitions.js';

type Wanted = NonNullable<DefinitionInput['evaluation']>;

function verdict(wanted: Partial<Wanted>, candidate: MetricValues, live?: MetricValues, notCompared?: string) {
  const { evaluation } = exampleDefinition({ evaluation: { metric: 'rmse', holdout: 'P30D', ...wanted } });
  if (!evaluation) throw new Error('the definition evaluates');
  const scoreUri = 's3://bucket/score.json';
  const found: Evaluation = {
    metric: evaluation.metric,
    holdout: { hash: 'h', files: 1, from: '2026-01-01', to: '2026-01-01' },
    rows: 10,
    candidate: { modelName: 'candidate', metrics: candidate, scoreUri },
    ...(live && { live: { modelName: 'live', metrics: live, scoreUri, rescored: false } }),
    ...(notCompared && { notCompared }),
  };
  return judge(evaluation, found);
}

describe('the gate', () => {
  it('lets everything pass where none is set', () => {
    expect(verdict({}, { rmse: 99 })).toEqual({ passed: true, reasons: ['no gate is set'] });
  });

  it.each([
    [{ max: 2 }, 2, true, 'rmse 2 is not above 2'],
    [{ max: 2 }, 2.000001, false, 'rmse 2 is above 2'],
    [{ max: 2 }, 2.00001, false, 'rmse 2.00001 is above 2'],
  ])('holds a candidate to its threshold %j: %d', (gate, rmse, passed, reason) => {
    expect(verdict({ gate }, { rmse })).toEqual({ passed, reasons: [reason] });
  });

  it('turns the threshold round for metrics that are better the higher', () => {
    expect(verdict({ metric: 'accuracy', gate: { min: 0.8 } }, { accuracy: 0.8 }).passed).toBe(true);
    expect(verdict({ metric: 'accuracy', gate: { min: 0.8 } }, { accuracy: 0.79 })).toEqual({
      passed: false,
      reasons: ['accuracy 0.79 is below 0.8'],
    });
  });

  it.each([
    ['rmse', 1.02, 1, true],
    ['rmse', 1.0201, 1, false],
    ['accuracy', 0.784, 0.8, true],
    ['accuracy', 0.7839, 0.8, false],
    // The tolerance is a share of the size: a live model below zero gives slack downwards as well.
    ['r2', -0.51, -0.5, true],
    ['r2', -0.5101, -0.5, false],
  ] as const)('compares %s %d with the live model’s %d on either side of 2 %%', (metric, value, live, passed) => {
    const { passed: answer, reasons } = verdict(
      { metric, gate: { noWorseThanLive: 0.02 } },
      { [metric]: value },
      { [metric]: live },
    );
    expect(answer).toBe(passed);
    expect(reasons[0]).toContain(passed ? 'no worse than the live' : 'worse than the live');
    expect(reasons[0]).toContain('2 %');
  });

  it('takes no tolerance as none at all', () => {
    expect(verdict({ gate: { noWorseThanLive: 0 } }, { rmse: 1 }, { rmse: 1 }).passed).toBe(true);
    expect(verdict({ gate: { noWorseThanLive: 0 } }, { rmse: 1.000001 }, { rmse: 1 }).passed).toBe(false);
  });

  it('names everything a candidate fails for, and of one that passes everything it was held to', () => {
    const gate = { max: 1, noWorseThanLive: 0.1 };
    expect(verdict({ gate }, { rmse: 3 }, { rmse: 2 }).reasons).toHaveLength(2);
    expect(verdict({ gate }, { rmse: 0.9 }, { rmse: 2 }).reasons).toHaveLength(2);
    expect(verdict({ gate }, { rmse: 1.5 }, { rmse: 2 })).toEqual({ passed: false, reasons: ['rmse 1.5 is above 1'] });
  });

  it('never passes a metric that is no number', () => {
    for (const gate of [{ max: 1 }, { noWorseThanLive: 0.1 }, {}]) {
      const { passed, reasons } = verdict({ gate }, { rmse: null });
      expect(passed).toBe(false);
      expect(reasons[0]).toContain('rmse is not defined for the candidate');
    }
  });

  it('says why there was no comparison, and lets the threshold alone decide', () => {
    const gate = { max: 2, noWorseThanLive: 0 };
    expect(verdict({ gate }, { rmse: 1 }).reasons[1]).toBe('not compared: no model is live');
    expect(verdict({ gate }, { rmse: 1 }, undefined, 'it trained on them').reasons[1]).toBe(
      'not compared: it trained on them',
    );
    expect(verdict({ gate }, { rmse: 1 }, { rmse: null })).toMatchObject({ passed: true });
    expect(verdict({ gate }, { rmse: 3 }, { rmse: null })).toMatchObject({ passed: false });
  });
});

it('shows figures with the digits that tell two apart', () => {
  expect([figure(0.123456789), figure(1234567), figure(null), figure(undefined)]).toEqual([
    '0.123457',
    '1234570',
    'undefined',
    'undefined',
  ]);
});
