import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take 20 s or more on a quiet machine, the longest first. They wait more than they compute: started first, their waits pass while
 * the others compute. Started last, as by their size they would be, the last of them runs alone.
 */
const LONG = [
  'e2e/crash',
  'e2e/survival',
  'e2e/housing',
  'e2e/survival-hang',
  'e2e/outcomes',
  'e2e/warehouse',
  'worker/local-mode',
  'e2e/purge',
  'e2e/resume',
  'e2e/versions',
  'local/sagemaker-killed',
  'e2e/cancel',
  'e2e/survival-disk',
  'e2e/evaluation',
  'client/purge-broken-off',
  'local/services',
  'activities/purge-tries',
  'e2e/transform',
  'worker/start',
  'local/supervisor-hang',
  'client/schedule-time',
  'local/engine-killed',
  'worker/image',
  'local/xgboost-environment',
  'activities/audit',
  'activities/purge-keys',
];

const rank = ({ moduleId }: TestSpecification) => {
  const index = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return index === -1 ? LONG.length : index;
};

/** The long files first, then the others as Vitest orders them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
