"""The model artefact: `xgboost-model` in /opt/ml/model, in XGBoost's own format, as SageMaker's container writes it."""

import hashlib
import os
import threading

import numpy as np
import xgboost

from .container import Container, UserFault

FILE_NAME = "xgboost-model"
#: Attribute of the booster that carries the training job's name.
JOB_NAME = "training_job"


def save_model(container: Container, booster: xgboost.Booster) -> str:
    """Writes the model, whole or not at all. Returns its id: the training job's name, else a hash of the content."""
    booster.set_attr(**{JOB_NAME: container.job_name})
    container.model.mkdir(parents=True, exist_ok=True)
    partial = container.model / f".{FILE_NAME}"
    try:
        partial.write_bytes(booster.save_raw("ubj"))
        os.replace(partial, container.model / FILE_NAME)
    finally:
        # A stop may come in between, and all of the folder is uploaded.
        partial.unlink(missing_ok=True)
    return model_id(booster)


def model_id(booster: xgboost.Booster) -> str:
    """What a model is called in answers and logs."""
    return booster.attr(JOB_NAME) or hashlib.sha256(booster.save_raw("ubj")).hexdigest()[:16]


class Model:
    """A model that answers, from several threads."""

    def __init__(self, container: Container):
        """Loads the model of /opt/ml/model. Raises UserFault when it isn't there or isn't XGBoost's."""
        path = container.model / FILE_NAME
        self._booster = xgboost.Booster()
        self._lock = threading.Lock()
        try:
            self._booster.load_model(bytearray(path.read_bytes()))
        except (OSError, xgboost.core.XGBoostError) as error:
            text = f"No usable model at {path}: {str(error).splitlines()[0]}. It must be the artefact of train"
            raise UserFault(text) from error
        if not container.batch:
            # An endpoint's requests are small: threads for one row cost more than they give.
            self._booster.set_param({"nthread": 1})
        self.id = model_id(self._booster)
        self.features = self._booster.num_features()

    def predict(self, rows: np.ndarray) -> list:
        """One prediction a row: a number, or for multi:softprob a list of them. Rows of `features` values."""
        with self._lock:
            return self._booster.predict(xgboost.DMatrix(rows), validate_features=False).tolist()
