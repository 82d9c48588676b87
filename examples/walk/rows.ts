/** Lines of CSV rows, label first, without their ends. */
export const linesOf = (rows: readonly { readonly csv: string }[]): string[] => rows.map(({ csv }) => csv.trimEnd());

/** A line as a request carries it: without its label. */
export const featuresOf = (line: string): string => line.slice(line.indexOf(',') + 1);

/** US dollars. */
export const priceOf = (line: string): number => Number(line.slice(0, line.indexOf(',')));

/** The numbers of a CSV answer with one column, as endpoint and batch transform give it. Throws on anything that is no number. */
export function predictionsOf(answer: string): number[] {
  return answer
    .trim()
    .split(/[\s,]+/)
    .map((text) => {
      const value = Number(text);
      if (text === '' || !Number.isFinite(value)) throw new Error(`The model answered "${text}" for a price.`);
      return value;
    });
}

/**
 * Median absolute percentage error, as a share: the median of |price - prediction| / price, of an even number of rows the mean of the two in
 * the middle. Computed here anew, so that it can be put beside what a run says. Throws unless each row has one prediction.
 */
export function mdape(prices: readonly number[], predictions: readonly number[]): number {
  if (prices.length === 0 || prices.length !== predictions.length)
    throw new Error(`${predictions.length} predictions for ${prices.length} prices: there must be one for each.`);
  const errors = prices.map((price, row) => Math.abs(price - (predictions[row] ?? Number.NaN)) / price);
  errors.sort((a, b) => a - b);
  const middle = errors.slice((errors.length - 1) >> 1, (errors.length >> 1) + 1);
  return middle.reduce((sum, error) => sum + error, 0) / middle.length;
}
