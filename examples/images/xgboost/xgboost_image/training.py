"""One training job: settings, channels, boosting, log, artefact."""

import numpy as np
import xgboost

from .channel import Channel, has_channel, read_channel
from .container import Container, UserFault, log, read_config
from .hyperparameters import Settings, parse_hyperparameters
from .model import save_model

#: Metrics of which more is better; the others are losses.
MAXIMISED = ("auc", "aucpr", "map", "ndcg")


def run_training(container: Container) -> None:
    """Trains on channel `train`, measures on it and on `validation` where the job has it, writes the model.

    Raises UserFault on settings and data that can't be trained on.
    """
    settings = parse_hyperparameters(read_config(container, "hyperparameters.json"))
    hosts = read_config(container, "resourceconfig.json").get("hosts", ["algo-1"])
    if len(hosts) > 1:
        raise UserFault(f"This image trains on one instance, the job has {len(hosts)}: set the instance count to 1")
    if settings.ignored:
        log(f"Without effect in XGBoost {xgboost.__version__}: {', '.join(settings.ignored)}")
    channels = read_channels(container, settings)
    booster = boost(container, settings, channels)
    name = save_model(container, booster)
    log(f"Wrote model {name} of {booster.num_boosted_rounds()} rounds to {container.model}")


def read_channels(container: Container, settings: Settings) -> dict[str, Channel]:
    """Channel train, and validation if the job has it."""
    inputs = read_config(container, "inputdataconfig.json")
    channels: dict[str, Channel] = {}
    for name in ("train", "validation"):
        if name == "validation" and not has_channel(container, name):
            continue
        channel = read_channel(container, name, inputs.get(name, {}), settings.csv_weights)
        rows, columns = channel.features.shape
        log(f"{name.capitalize()} matrix has {rows} rows and {columns} columns, from {channel.files} files")
        width = channels["train"].features.shape[1] if "train" in channels else columns
        if columns != width:
            raise UserFault(f"Channel {name} has {columns} features a row, channel train has {width}")
        channels[name] = channel
    return channels


def boost(container: Container, settings: Settings, channels: dict[str, Channel]) -> xgboost.Booster:
    """Boosts; with early stopping the model ends at its best round."""
    try:
        matrices = [(to_matrix(channel), name) for name, channel in channels.items()]
        return xgboost.train(
            settings.params,
            matrices[0][0],
            num_boost_round=settings.num_round,
            evals=matrices,
            callbacks=callbacks(container, settings, channels),
            verbose_eval=False,
        )
    except xgboost.core.XGBoostError as error:
        raise UserFault(f"XGBoost refused the job: {reason(error)}") from error


def to_matrix(channel: Channel) -> xgboost.DMatrix:
    """XGBoost's own form of the rows."""
    return xgboost.DMatrix(channel.features.astype(np.float32), label=channel.labels, weight=channel.weights)


def callbacks(container: Container, settings: Settings, channels: dict[str, Channel]) -> list:
    """The log of metrics, early stopping, and the model so far for a job that is stopped."""
    monitor = xgboost.callback.EvaluationMonitor(logger=lambda line: print(line, end="", flush=True))
    found: list[xgboost.callback.TrainingCallback] = [monitor]
    if settings.save_model_on_termination:
        found.append(SaveEachRound(container))
    if settings.early_stopping_rounds is None:
        return found
    if "validation" not in channels:
        log("Without effect, as the job has no channel validation: early_stopping_rounds")
        return found
    # The last metric decides, as on SageMaker; without eval_metric it is the objective's own.
    decisive = settings.params.get("eval_metric", [None])[-1]
    maximise = None if decisive is None else decisive.split("@")[0] in MAXIMISED
    found.append(
        xgboost.callback.EarlyStopping(
            rounds=settings.early_stopping_rounds,
            metric_name=decisive,
            data_name="validation",
            maximize=maximise,
            save_best=True,
        )
    )
    return found


class SaveEachRound(xgboost.callback.TrainingCallback):
    """Keeps the model of the last round in /opt/ml/model, from where a stopped job is uploaded."""

    def __init__(self, container: Container):
        super().__init__()
        self._container = container

    def after_iteration(self, model, epoch: int, evals_log) -> bool:
        """Saves; never asks to stop."""
        save_model(self._container, model)
        return False


def reason(error: Exception) -> str:
    """XGBoost's message without its file, line and stack: `[time] file:line: message` is followed by a trace."""
    lines = [line.strip() for line in str(error).split("Stack trace:")[0].splitlines() if line.strip()]
    text = " ".join(lines)
    return text.split(": ", 1)[1] if text.startswith("[") and ": " in text else text
