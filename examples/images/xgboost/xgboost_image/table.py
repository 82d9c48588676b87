"""CSV: numbers, comma separated, without a header. An empty value, or nan, is a missing one."""

import csv
import io
import math

import numpy as np

from .container import UserFault


def parse_table(text: str, source: str) -> np.ndarray:
    """The rows of a CSV text; empty lines are left out.

    `source` is put before the line number in faults; empty for a request's body.
    Returns a two-dimensional array of float64, NaN where a value is missing. Raises UserFault naming the line.
    """
    if not text.strip():
        return np.empty((0, 0))
    try:
        table = np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2, comments=None)
        if not np.isinf(table).any():
            return table
    except ValueError:
        # It can't read missing values, nor say well what is wrong.
        pass
    return np.array(rows_one_by_one(text, source))


def rows_one_by_one(text: str, source: str) -> list:
    """The same by Python's own reader, which takes quotes and missing values, and knows where it is."""
    rows = []
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        for values in reader:
            if not "".join(values).strip() and len(values) < 2:
                continue
            at = place(source, reader.line_num)
            if rows and len(values) != len(rows[0]):
                raise UserFault(f"{at}{len(values)} values, the rows before have {len(rows[0])}")
            rows.append([to_number(value, at, index) for index, value in enumerate(values)])
    except csv.Error as error:
        raise UserFault(f"{place(source, reader.line_num)}not CSV: {error}") from error
    return rows


def to_number(text: str, at: str, index: int) -> float:
    """One value. Raises UserFault if it is neither a finite number nor missing."""
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        header = ". Is it a header? There must be none" if at.endswith("line 1: ") else ""
        raise UserFault(f"{at}value {index + 1} is '{text.strip()}', which is not a finite number{header}")
    return value


def place(source: str, line: int) -> str:
    """Where in the input something is, to be put before a fault."""
    return f"{source} line {line}: " if source else f"line {line}: "
