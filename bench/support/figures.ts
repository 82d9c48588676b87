export { percentile } from '../../examples/demo/traffic.js';

/** To so many digits after the point. */
export const round = (value: number, digits = 3) => Number(value.toFixed(digits));
