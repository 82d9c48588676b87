/** Natural logarithms of 0! to n!. */
function logFactorials(n: number): number[] {
  const logs = [0];
  for (let k = 1; k <= n; k += 1) logs.push((logs[k - 1] as number) + Math.log(k));
  return logs;
}

/**
 * The counts between which a binomial variable of `n` trials of probability `p` lies with at least `confidence`: each tail outside holds at
 * most half of what is left, exactly, without an approximation. With p 0 or 1 only one count is left.
 */
export function binomialInterval(n: number, p: number, confidence: number): { least: number; most: number } {
  if (p <= 0 || p >= 1) return { least: p <= 0 ? 0 : n, most: p <= 0 ? 0 : n };
  const logs = logFactorials(n) as [number, ...number[]];
  const probability = (k: number) =>
    Math.exp((logs[n] ?? 0) - (logs[k] ?? 0) - (logs[n - k] ?? 0) + k * Math.log(p) + (n - k) * Math.log(1 - p));
  const tail = (1 - confidence) / 2;
  let least = 0;
  for (let below = probability(0); below <= tail && least < n; below += probability(least)) least += 1;
  let most = n;
  for (let above = probability(n); above <= tail && most > 0; above += probability(most)) most -= 1;
  return { least, most };
}
