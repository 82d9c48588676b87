"""SageMaker's container contract: where things are and how a failure is told.

Sources: the public training and inference toolkits for SAGEMAKER_BASE_DIR and SAGEMAKER_BIND_TO_PORT, the developer
guide for the folders under /opt/ml.
"""

import json
import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path


class UserFault(Exception):
    """A fault of the caller's data or settings. Its message is meant for that caller and needs no stack trace."""


@dataclass(frozen=True)
class Container:
    """Folders, the address to listen on, and the training job's name if there is one."""

    config: Path
    data: Path
    model: Path
    output: Path
    host: str
    port: int
    job_name: str | None
    batch: bool
    default_accept: str


def read_container(env=os.environ) -> Container:
    """Reads the container's surroundings from the environment."""
    base = Path(env.get("SAGEMAKER_BASE_DIR") or "/opt/ml")
    return Container(
        config=base / "input" / "config",
        data=base / "input" / "data",
        model=base / "model",
        output=base / "output",
        host=env.get("SERVE_HOST") or "127.0.0.1",
        port=int(env.get("SAGEMAKER_BIND_TO_PORT") or 8080),
        job_name=env.get("TRAINING_JOB_NAME") or None,
        batch=env.get("SAGEMAKER_BATCH") == "true",
        default_accept=env.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "text/csv",
    )


def read_config(container: Container, name: str) -> dict:
    """Reads one JSON file of /opt/ml/input/config; empty when it isn't there. Raises UserFault when it isn't JSON."""
    path = container.config / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserFault(f"{path} is not valid JSON: {error}") from error


def write_failure(container: Container, message: str) -> None:
    """Writes /opt/ml/output/failure. SageMaker shows its first 1,024 characters as the job's FailureReason."""
    container.output.mkdir(parents=True, exist_ok=True)
    (container.output / "failure").write_text(message, encoding="utf-8")


def describe_fault(error: Exception) -> str:
    """One text for a fault: the message alone for the caller's own, with the stack for a defect of this program."""
    if isinstance(error, UserFault):
        return f"ClientError: {error}"
    return f"Unexpected fault in xgboost: {''.join(traceback.format_exception(error))}"


def log(text: str) -> None:
    """Logs a line in the form of SageMaker's XGBoost: `[2026-11-21:09:00:00:INFO] text`, UTC."""
    print(f"[{time.strftime('%Y-%m-%d:%H:%M:%S', time.gmtime())}:INFO] {text}", flush=True)
