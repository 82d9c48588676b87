import type { Scored } from './metrics.js';

const FIRST_ROWS = 4_096;

/** Labels and predictions as they are read: eight bytes a number, in arrays that double, so that a million rows take some megabytes. */
export class Columns {
  #actual = new Float64Array(FIRST_ROWS);
  #predicted = new Float64Array(FIRST_ROWS);
  #labels: Float64Array | undefined;
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  /** `label` is the class that the model named beside its score, if it did. */
  push(actual: number, predicted: number, label?: number): void {
    if (this.#rows === this.#actual.length) this.#grow();
    this.#actual[this.#rows] = actual;
    this.#predicted[this.#rows] = predicted;
    if (label !== undefined) {
      this.#labels ??= new Float64Array(this.#actual.length).fill(Number.NaN);
      this.#labels[this.#rows] = label;
    }
    this.#rows += 1;
  }

  /** Views of what was read so far. */
  view(): Scored {
    const labels = this.#labels?.subarray(0, this.#rows);
    return {
      actual: this.#actual.subarray(0, this.#rows),
      predicted: this.#predicted.subarray(0, this.#rows),
      ...(labels && { labels }),
    };
  }

  /** At most `most` rows, evenly drawn and always the same; rows without a finite prediction are left out, as JSON knows none. */
  sample(most: number): [actual: number, predicted: number][] {
    const count = Math.min(most, this.#rows);
    return Array.from({ length: count }, (_, index): [number, number] => {
      const row = Math.floor((index * this.#rows) / count);
      return [this.#actual[row] as number, this.#predicted[row] as number];
    }).filter(([, predicted]) => Number.isFinite(predicted));
  }

  #grow(): void {
    const wider = (old: Float64Array) => {
      const next = new Float64Array(old.length * 2).fill(Number.NaN, old.length);
      next.set(old);
      return next;
    };
    this.#actual = wider(this.#actual);
    this.#predicted = wider(this.#predicted);
    this.#labels &&= wider(this.#labels);
  }
}
