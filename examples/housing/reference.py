"""Trains with the XGBoost package alone and prints the MdAPE and the predictions of the test rows, as JSON.

    python reference.py <train.csv> <validation.csv> <test.csv> '<hyperparameters as JSON>'

Shares no code with the example image, so that it can be its measure.
"""

import json
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import xgboost


def matrix(file: str) -> xgboost.DMatrix:
    rows = np.loadtxt(file, delimiter=",", ndmin=2)
    return xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])


train, validation, test = map(matrix, sys.argv[1:4])
params = json.loads(sys.argv[4])
rounds, patience = int(params.pop("num_round")), int(params.pop("early_stopping_rounds"))
params["eval_metric"] = params["eval_metric"].split(",")
booster = xgboost.train(
    params,
    train,
    num_boost_round=rounds,
    evals=[(train, "train"), (validation, "validation")],
    early_stopping_rounds=patience,
    verbose_eval=False,
)
predictions = booster.predict(test, iteration_range=(0, booster.best_iteration + 1)).astype(float)
prices = test.get_label().astype(float)
mdape = float(np.median(np.abs(predictions - prices) / prices))
print(json.dumps({"mdape": mdape, "rounds": booster.best_iteration + 1, "predictions": predictions.tolist()}))
