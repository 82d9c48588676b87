import { describe, expect, it } from 'vitest';
import { redact } from '../../activities/errors/redact.js';

describe('rows of data in the words of a program', () => {
  it.each([
    ['could not convert row 3,170.5,80.25,1,0 to float', 'could not convert row [5 values left out] to float'],
    ['ValueError: [1.5, -2.0, 3e-4, 4., .5, 6] is no label', 'ValueError: [[6 values left out]] is no label'],
    ['array([1. 2. 3.\n 4. 5. 6.]) is singular', 'array([[6 values left out]]) is singular'],
    ['bad line: 2015-01-01,12.8,5.0,4.7,rain', 'bad line: [5 values left out]'],
    ['line 7: "Doe, Jane",1984-02-29,41,170,"Main Street 1",yes', 'line 7: [6 values left out]'],
    ['in 1;2;3;4;5, and in 6|7|8|9|10', 'in [5 values left out], and in [5 values left out]'],
    ['1,2,3,4,5\n6,7,8,9,10', '[5 values left out]\n[5 values left out]'],
  ])('%j is told as %j', (text, told) => {
    expect(redact(text)).toBe(told);
  });

  it.each([
    'AlgorithmError: column 3 of line 7 is not a number, exit code: 1',
    'expected shape (32, 10, 3), got (32, 10)',
    'no capacity for any of ml.m5.large,ml.m5.xlarge,ml.c5.large,ml.c5.xlarge,ml.p3.2xlarge',
    'Training job weather-20261121T090000000Z-1 was stopped after its longest run of 86400 s',
    'arn:aws:sagemaker:us-east-1:000000000000:training-job/x at 2026-11-21T09:00:00.000Z from 10.0.0.1, port 443',
    'Member must satisfy enum value set: [ml.m4.xlarge, ml.p2.xlarge, ml.m5.4xlarge, ml.m4.16xlarge, ml.p3.2xlarge]',
    'Python 3.11.2, numpy 1.26.4, 2 of 3 files, 4 cores',
  ])('%j stays as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('is quick and short, whatever the text', () => {
    const started = performance.now();
    for (const part of ['1', '1,', 'a,', '1 ', '"', ',', '"a', '1.', '-', 'e1 ']) {
      expect(redact(part.repeat(50_000)).length).toBeLessThanOrEqual(2_001);
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
