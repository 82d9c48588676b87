"""The hyperparameters of SageMaker's XGBoost 1.7-1, with the ranges its public container checks."""

import ast
import difflib
import math
import re
from dataclasses import dataclass, field

from .container import UserFault


def whole(low=None, high=None):
    """A whole number in a closed range."""
    bounds = [f"at least {low}"] if low is not None else []
    bounds += [f"at most {high}"] if high is not None else []

    def parse(text):
        value = int(text) if re.fullmatch(r"[+-]?\d+", text) else None
        fits = value is not None and (low is None or value >= low) and (high is None or value <= high)
        return value if fits else None

    return parse, "a whole number" + (f" of {' and '.join(bounds)}" if bounds else "")


def number(low, high=None, open_low=False, open_high=False):
    """A finite number; the range's ends belong to it unless they are open."""
    want = f"a number {'above' if open_low else 'of at least'} {low}"
    if high is not None:
        want += f" and {'below' if open_high else 'at most'} {high}"

    def parse(text):
        try:
            value = float(text)
        except ValueError:
            return None
        above = value > low if open_low else value >= low
        below = high is None or (value < high if open_high else value <= high)
        return value if math.isfinite(value) and above and below else None

    return parse, want


def one_of(*values):
    """One of some words."""
    return (lambda text: text if text in values else None), " or ".join(", ".join(values).rsplit(", ", 1))


def nested(example):
    """A list of whole numbers, or of such lists, which XGBoost reads itself."""

    def numbers(value):
        if isinstance(value, (list, tuple)):
            return all(numbers(one) for one in value)
        return isinstance(value, int)

    def parse(text):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return None
        return text if isinstance(value, (list, tuple)) and numbers(value) else None

    return parse, f"of the form {example}"


METRICS = (
    ["rmse", "rmsle", "mae", "mape", "mphe", "logloss", "error", "merror", "mlogloss", "auc", "aucpr", "ndcg", "map"]
    + ["poisson-nloglik", "gamma-nloglik", "gamma-deviance", "tweedie-nloglik", "cox-nloglik"]
)
#: Computed by SageMaker's container itself, not by XGBoost.
CONTAINER_METRICS = (
    ["accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "mse", "precision", "precision_macro"]
    + ["precision_micro", "r2", "recall", "recall_macro", "recall_micro"]
)
OBJECTIVES = (
    ["reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:logistic", "reg:pseudohubererror"]
    + ["reg:absoluteerror", "reg:gamma", "reg:tweedie", "binary:logistic", "binary:logitraw", "binary:hinge"]
    + ["count:poisson", "survival:cox", "multi:softmax", "multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map"]
)


def metrics(text):
    """Names of metrics, comma separated; `error`, `ndcg` and `map` may carry a threshold: `error@0.7`."""
    names = [name.strip() for name in text.split(",")]
    fits = all(name in METRICS or re.fullmatch(r"(error@[\d.]+|(ndcg|map)@\d+-?)", name) for name in names)
    return names if fits else None


USED = {
    "num_round": whole(1),
    "early_stopping_rounds": whole(1),
    "csv_weights": whole(0, 1),
    "booster": one_of("gbtree", "gblinear", "dart"),
    "verbosity": whole(0, 3),
    "nthread": whole(1),
    "eta": number(0, 1),
    "gamma": number(0),
    "max_depth": whole(0),
    "min_child_weight": number(0),
    "max_delta_step": number(0),
    "subsample": number(0, 1, open_low=True),
    "colsample_bytree": number(0, 1, open_low=True),
    "colsample_bylevel": number(0, 1, open_low=True),
    "colsample_bynode": number(0, 1, open_low=True),
    "lambda": number(0),
    "alpha": number(0),
    "tree_method": one_of("auto", "exact", "approx", "hist"),
    "scale_pos_weight": number(0, open_low=True),
    "updater": ((lambda text: text if re.fullmatch(r"\w+(,\w+)*", text) else None), "names, comma separated"),
    "refresh_leaf": whole(0, 1),
    "process_type": one_of("default", "update"),
    "grow_policy": one_of("depthwise", "lossguide"),
    "max_leaves": whole(0),
    "max_bin": whole(2),
    "monotone_constraints": nested("(1,0,-1)"),
    "interaction_constraints": nested("[[0,1],[2,3]]"),
    "sample_type": one_of("uniform", "weighted"),
    "normalize_type": one_of("tree", "forest"),
    "rate_drop": number(0, 1),
    "one_drop": whole(0, 1),
    "skip_drop": number(0, 1),
    "tweedie_variance_power": number(1, 2, open_low=True, open_high=True),
    "objective": one_of(*OBJECTIVES),
    "num_class": whole(2),
    "base_score": number(0),
    "eval_metric": (metrics, f"of {', '.join(METRICS)}, comma separated"),
    "seed": whole(-(2**31) + 1, 2**31 - 2),
    "num_parallel_tree": whole(1),
    "save_model_on_termination": one_of("true", "false"),
    "sampling_method": one_of("uniform", "gradient_based"),
}
ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}
#: XGBoost 1.7 had them or only passed them by; the present one needs none of them.
WITHOUT_EFFECT = ["predictor", "sketch_eps", "dsplit", "deterministic_histogram", "prob_buffer_row", "lambda_bias"]
NOT_IMITATED = (
    ["_kfold", "_num_cv_round", "_tuning_objective_metric", "use_dask_gpu_training"]
    + ["aft_loss_distribution", "aft_loss_distribution_scale"]
)
#: What the image itself uses; all else is XGBoost's.
OWN = ["num_round", "early_stopping_rounds", "csv_weights", "save_model_on_termination"]


@dataclass(frozen=True)
class Settings:
    """A job's hyperparameters: the image's own, XGBoost's, and the names that have no effect."""

    num_round: int
    early_stopping_rounds: int | None
    csv_weights: bool
    save_model_on_termination: bool
    params: dict = field(default_factory=dict)
    ignored: list = field(default_factory=list)


def parse_hyperparameters(given: dict) -> Settings:
    """Checks the job's hyperparameters, all strings as SageMaker hands them over.

    Raises UserFault, one message with every fault.
    """
    faults, values, ignored = [], {}, []
    for name, text in given.items():
        known = ALIASES.get(name, name)
        if known != name and known in given:
            faults.append(f"{name} is another name of {known}: give one of the two")
        elif known in USED:
            parse, want = USED[known]
            value = parse(str(text).strip())
            if value is None:
                faults.append(f"{name} is '{text}': it must be {want}{hint(known, str(text))}")
            else:
                values[known] = value
        elif name in WITHOUT_EFFECT:
            ignored.append(name)
        elif name in NOT_IMITATED:
            faults.append(f"{name} is a hyperparameter of SageMaker's XGBoost that this image does not have: remove it")
        else:
            faults.append(f"unknown hyperparameter {name}{suggestion(name)}")
    if "num_round" not in given:
        faults.append("num_round is required: how many rounds to boost")
    faults += cross_check(values)
    if faults:
        raise UserFault(f"Bad hyperparameters: {'; '.join(faults)}")
    params = {name: value for name, value in values.items() if name not in OWN}
    if params.get("objective") == "reg:linear":
        # The old name, gone from XGBoost.
        params["objective"] = "reg:squarederror"
    return Settings(
        num_round=values["num_round"],
        early_stopping_rounds=values.get("early_stopping_rounds"),
        csv_weights=values.get("csv_weights") == 1,
        save_model_on_termination=values.get("save_model_on_termination") == "true",
        params=params,
        ignored=ignored,
    )


def cross_check(values: dict) -> list:
    """What one hyperparameter alone can't say."""
    faults = []
    objective = values.get("objective", "reg:squarederror")
    if objective.startswith("multi:") and "num_class" not in values:
        faults.append(f"num_class is required for the objective {objective}")
    if not objective.startswith("multi:") and "num_class" in values:
        faults.append(f"num_class does not go with the objective {objective}: remove it")
    if "auc" in values.get("eval_metric", []) and not objective.startswith(("binary:", "rank:")):
        faults.append(f"eval_metric auc does not go with the objective {objective}: it takes binary: and rank: ones")
    return faults


def hint(name: str, text: str) -> str:
    """Says where a value comes from that SageMaker's container takes and this image doesn't."""
    if name == "eval_metric" and any(metric.strip() in CONTAINER_METRICS for metric in text.split(",")):
        return " (SageMaker's container computes some more itself, which this image does not)"
    return " (this image has no GPU)" if name == "tree_method" and text.startswith("gpu") else ""


def suggestion(name: str) -> str:
    """The known name that is nearest, if one is near."""
    near = difflib.get_close_matches(name, [*USED, *ALIASES, *WITHOUT_EFFECT], n=1)
    return f": did you mean {near[0]}?" if near else ""
