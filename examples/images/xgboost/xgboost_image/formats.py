"""Request and response formats of SageMaker's XGBoost, by its public container."""

import json

import numpy as np

from .container import UserFault
from .table import parse_table


class RequestFault(Exception):
    """A request that can't be answered, with its HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def read_rows(content_type: str | None, body: bytes, features: int) -> np.ndarray:
    """The rows of a request's body. Raises RequestFault: 415 for another type, 400 where the data is bad."""
    if (content_type or "").split(";")[0].strip().lower() not in ("text/csv", "csv"):
        raise RequestFault(415, f"Content-Type {content_type or '(none)'} is not supported: send text/csv")
    try:
        rows = parse_table(body.decode("utf-8"), "")
    except (UserFault, UnicodeDecodeError) as error:
        raise RequestFault(400, f"The body is not CSV of numbers: {error}") from error
    width = rows.shape[1]
    if width == features:
        return rows
    hint = ". Is the label still there? A request carries none" if width == features + 1 else ""
    raise RequestFault(400, f"Rows of {width} values, the model takes {features} features{hint}")


def write_csv(predictions: list) -> str:
    """One line a row."""
    return "".join(f"{','.join(map(repr, one)) if isinstance(one, list) else repr(one)}\n" for one in predictions)


def write_json(predictions: list) -> str:
    """`{"predictions": [{"score": 0.4}]}`"""
    return json.dumps({"predictions": [{"score": one} for one in predictions]})


def write_batch(predictions: list) -> str:
    """One line a row, whatever is asked for: so the public container answers in a batch transform."""
    return "".join(f"{one}\n" for one in predictions)


WRITERS = {"text/csv": write_csv, "application/json": write_json}


def choose_format(accept: str | None, default: str) -> str:
    """The supported type of the highest weight in an Accept header. Raises RequestFault 406 when none is supported."""
    wanted = []
    for part in (accept or "*/*").split(","):
        kind, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        wanted.append((float(quality) if quality.replace(".", "", 1).isdigit() else 0.0, kind))
    for weight, kind in sorted(wanted, key=lambda one: -one[0]):
        if weight == 0:
            continue
        if kind == "*/*" and default in WRITERS:
            return default
        match = next((known for known in WRITERS if kind in (known, f"{known.split('/')[0]}/*")), None)
        if match is not None:
            return match
    raise RequestFault(406, f"Accept {accept or default} is not supported: ask for {', '.join(WRITERS)}")
