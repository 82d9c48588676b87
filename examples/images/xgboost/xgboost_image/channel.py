"""A channel of training data: every file under /opt/ml/input/data/<channel>, label first."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .container import Container, UserFault
from .table import parse_table


@dataclass(frozen=True)
class Channel:
    """The rows of a channel, in the order of its file names."""

    files: int
    labels: np.ndarray
    weights: np.ndarray | None
    features: np.ndarray


def has_channel(container: Container, name: str) -> bool:
    """Whether the job has the channel at all."""
    return (container.data / name).is_dir()


def read_channel(container: Container, name: str, config: dict, csv_weights: bool) -> Channel:
    """Reads a channel. With `csv_weights` the value after the label is the row's weight, as in SageMaker's XGBoost.

    `config` is the channel's entry of inputdataconfig.json. Raises UserFault naming file and line.
    """
    check_input(name, config)
    root = container.data / name
    if not root.is_dir():
        raise UserFault(f"Channel {name} is missing: {root} does not exist")
    paths = list_files(root)
    lead = 2 if csv_weights else 1
    tables: list[np.ndarray] = []
    first = ""
    for path in paths:
        source = str(path.relative_to(container.data))
        table = parse_table(read_text(path, source), source)
        if len(table) == 0:
            continue
        check_rows(table, source, lead)
        if tables and table.shape[1] != tables[0].shape[1]:
            raise UserFault(f"{source}: rows of {table.shape[1]} values, those of {first} have {tables[0].shape[1]}")
        first = first or source
        tables.append(table)
    if not tables:
        raise UserFault(f"Channel {name} is empty: no row in {len(paths)} files under {root}")
    rows = np.concatenate(tables)
    return Channel(len(paths), rows[:, 0], rows[:, 1] if csv_weights else None, rows[:, lead:])


def list_files(root: Path) -> list[Path]:
    """Files of all depths, sorted. Names that start with `.` or `_` (markers of tools) are left out, as on SageMaker."""
    found = [Path(folder) / name for folder, _, names in os.walk(root, followlinks=True) for name in names]
    return sorted(path for path in found if not path.name.startswith((".", "_")))


def read_text(path: Path, source: str) -> str:
    """A file's text. Raises UserFault if it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserFault(f"{source} is not UTF-8 text: {error}") from error


def check_rows(table: np.ndarray, source: str, lead: int) -> None:
    """Every row needs a label (and a weight, of at least 0) and a feature."""
    if table.shape[1] <= lead:
        raise UserFault(f"{source}: a row needs {'label, weight' if lead == 2 else 'a label'} and at least one feature")
    if np.isnan(table[:, :lead]).any():
        row = int(np.isnan(table[:, :lead]).any(axis=1).argmax()) + 1
        raise UserFault(f"{source} row {row}: {'label or weight' if lead == 2 else 'the label'} is missing")
    if lead == 2 and (table[:, 1] < 0).any():
        raise UserFault(f"{source} row {int((table[:, 1] < 0).argmax()) + 1}: the weight is below 0")


def check_input(name: str, config: dict) -> None:
    """SageMaker's XGBoost takes a channel without a content type for LIBSVM, so CSV has to be said."""
    if config.get("TrainingInputMode") == "Pipe":
        raise UserFault(f"Channel {name} has the input mode Pipe: this image reads files, set File or FastFile")
    content_type = config.get("ContentType")
    if content_type is None:
        raise UserFault(f"Channel {name} has no content type, which means LIBSVM: set ContentType to text/csv")
    kind, *parameters = [part.strip().lower() for part in content_type.split(";")]
    sizes = [part for part in parameters if part.startswith("label_size=")]
    if kind not in ("text/csv", "csv") or any(size != "label_size=1" for size in sizes):
        raise UserFault(
            f"Channel {name} has the content type {content_type}: this image reads text/csv with one label"
        )
