/** Penalised least squares, the one problem behind both predictor types. */
import { Matrix, QrDecomposition, SVD } from 'ml-matrix';

/**
 * Minimises |A·x − b|² / (2·rows) + Σ l1ⱼ·|xⱼ| + Σ l2ⱼ·xⱼ² / 2.
 * Without l1 by Householder QR, the ridge as further rows; where columns depend on each other, the smallest of the
 * many solutions. With l1 by coordinate descent, which is exact to 1e-10 of the largest coefficient.
 *
 * @param {number[][]} rows A, of equal length
 * @param {number[]} target b
 * @param {{ l1: number[], l2: number[] }} penalties one number a column
 * @returns {number[]} x
 */
export function leastSquares(rows, target, { l1, l2 }) {
  if (l1.some((weight) => weight > 0)) return coordinateDescent(rows, target, l1, l2);
  const ridge = l2.flatMap((weight, j) => (weight > 0 ? [unit(l2.length, j, Math.sqrt(weight * rows.length))] : []));
  const a = new Matrix([...rows, ...ridge]);
  const b = Matrix.columnVector([...target, ...ridge.map(() => 0)]);
  if (a.rows < a.columns) return new SVD(a, { autoTranspose: true }).solve(b).to1DArray();
  const qr = new QrDecomposition(a);
  const r = qr.upperTriangularMatrix;
  const diagonal = r.diagonal().map(Math.abs);
  if (Math.min(...diagonal) > 1e-10 * Math.max(...diagonal)) return qr.solve(b).to1DArray();
  return new SVD(r).solve(qr.orthogonalMatrix.transpose().mmul(b)).to1DArray();
}

function coordinateDescent(rows, target, l1, l2) {
  const count = rows.length;
  const x = l1.map(() => 0);
  const squares = x.map((_, j) => rows.reduce((sum, row) => sum + row[j] ** 2, 0) / count);
  const residual = [...target];
  for (let sweep = 0; sweep < 10_000; sweep += 1) {
    let moved = 0;
    for (let j = 0; j < x.length; j += 1) {
      const curvature = squares[j] + l2[j];
      if (curvature === 0) continue;
      let slope = squares[j] * x[j];
      for (let i = 0; i < count; i += 1) slope += (rows[i][j] * residual[i]) / count;
      const next = (Math.sign(slope) * Math.max(Math.abs(slope) - l1[j], 0)) / curvature;
      const step = next - x[j];
      if (step === 0) continue;
      for (let i = 0; i < count; i += 1) residual[i] -= step * rows[i][j];
      x[j] = next;
      moved = Math.max(moved, Math.abs(step));
    }
    if (moved <= 1e-10 * Math.max(1, ...x.map(Math.abs))) return x;
  }
  return x;
}

function unit(length, index, value) {
  const row = new Array(length).fill(0);
  row[index] = value;
  return row;
}
