"""Trains, deploys, invokes and transforms with unmodified boto3, against whatever AWS_ENDPOINT_URL* names.

Prints one JSON object as its last line: {"checks": [{"name", "ok", "seconds", ...}]}; exits 0 if all of them hold.
"""

import json
import os
import sys
import time

import boto3
from botocore.exceptions import ClientError

REGION = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
IMAGE = f"382416733822.dkr.ecr.{REGION}.amazonaws.com/linear-learner:1"
ROLE = "arn:aws:iam::000000000000:role/boto3"
RUN = f"boto3-{int(time.time() * 1000)}"
BUCKET = RUN
# The plane that the rows lie on, so that every answer is known.
SLOPE_A, SLOPE_B, INTERCEPT = 2.0, -3.0, 5.0

session = boto3.session.Session(region_name=REGION)
s3 = session.client("s3")
kms = session.client("kms")
sagemaker = session.client("sagemaker")
runtime = session.client("sagemaker-runtime")
checks = []


def label(a, b):
    return SLOPE_A * a + SLOPE_B * b + INTERCEPT


def wait(waiter, **names):
    sagemaker.get_waiter(waiter).wait(WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}, **names)


def upload():
    """Two channels of CSV, label first, under the default encryption of the bucket."""
    s3.create_bucket(Bucket=BUCKET)
    for channel, rows in (("train", range(0, 200)), ("validation", range(200, 240))):
        lines = (f"{label(i % 17, i % 5)},{i % 17},{i % 5}" for i in rows)
        s3.put_object(Bucket=BUCKET, Key=f"data/{channel}/rows.csv", Body="\n".join(lines) + "\n")
    return {"bucket": BUCKET}


def train():
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    channels = [
        {
            "ChannelName": name,
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/{name}/"}},
        }
        for name in ("train", "validation")
    ]
    sagemaker.create_training_job(
        TrainingJobName=RUN,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={"predictor_type": "regressor", "feature_dim": "2"},
        InputDataConfig=channels,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models", "KmsKeyId": key},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5, "VolumeKmsKeyId": key},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        Tags=[{"Key": "bench", "Value": "boto3"}],
    )
    wait("training_job_completed_or_stopped", TrainingJobName=RUN)
    job = sagemaker.describe_training_job(TrainingJobName=RUN)
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    head = s3.head_object(Bucket=BUCKET, Key=artifact.split("/", 3)[3])
    metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    tags = sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert all(stage.get("StatusMessage") for stage in job["SecondaryStatusTransitions"])
    assert head["ServerSideEncryption"] == "aws:kms", head
    assert metrics, "no FinalMetricDataList"
    assert tags == [{"Key": "bench", "Value": "boto3"}], tags
    return {"artifact": artifact, "metrics": metrics}


def deploy():
    artifact = sagemaker.describe_training_job(TrainingJobName=RUN)["ModelArtifacts"]["S3ModelArtifacts"]
    container = {"Image": IMAGE, "ModelDataUrl": artifact}
    sagemaker.create_model(ModelName=RUN, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": RUN,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=RUN, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=RUN, EndpointConfigName=RUN)
    wait("endpoint_in_service", EndpointName=RUN)
    return {"endpoint": RUN}


def invoke():
    answer = runtime.invoke_endpoint(EndpointName=RUN, ContentType="text/csv", Accept="application/json", Body="3,4\n10,1\n")
    scores = [prediction["score"] for prediction in json.load(answer["Body"])["predictions"]]
    expected = [label(3, 4), label(10, 1)]
    assert answer["InvokedProductionVariant"] == "AllTraffic", answer["InvokedProductionVariant"]
    assert all(abs(score - want) < 0.5 for score, want in zip(scores, expected, strict=True)), (scores, expected)
    return {"scores": scores, "expected": expected}


def transform():
    sagemaker.create_transform_job(
        TransformJobName=RUN,
        ModelName=RUN,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/validation/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/scored", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    wait("transform_job_completed_or_stopped", TransformJobName=RUN)
    job = sagemaker.describe_transform_job(TransformJobName=RUN)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    body = s3.get_object(Bucket=BUCKET, Key="scored/rows.csv.out")["Body"].read().decode()
    rows = [[float(field) for field in line.split(",")] for line in body.splitlines()]
    worst = max(abs(truth - score) for truth, score in rows)
    assert len(rows) == 40 and worst < 0.5, (len(rows), worst)
    return {"rows": len(rows), "worstError": worst}


def refusals():
    """Errors reach boto3 with AWS's codes."""
    codes = {}
    for name, call in {
        "ValidationException": lambda: sagemaker.describe_training_job(TrainingJobName="no-such-job"),
        "ResourceNotFound": lambda: sagemaker.delete_training_job(TrainingJobName="no-such-job"),
    }.items():
        try:
            call()
        except ClientError as error:
            codes[name] = error.response["Error"]["Code"]
    assert all(name == code for name, code in codes.items()) and len(codes) == 2, codes
    return {"codes": codes}


def remove():
    """Deletes everything again, and sees the endpoint go."""
    sagemaker.delete_endpoint(EndpointName=RUN)
    wait("endpoint_deleted", EndpointName=RUN)
    sagemaker.delete_endpoint_config(EndpointConfigName=RUN)
    sagemaker.delete_model(ModelName=RUN)
    sagemaker.delete_training_job(TrainingJobName=RUN)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
    s3.delete_bucket(Bucket=BUCKET)
    return {"left": sagemaker.list_endpoints(NameContains=RUN)["Endpoints"]}


def main():
    for step in (upload, train, deploy, invoke, transform, refusals, remove):
        started = time.monotonic()
        try:
            check = {"name": step.__name__, "ok": True, **step()}
        # Each step is reported, whatever stops it: an exception is the step's result, not the script's end.
        except Exception as error:  # noqa: BLE001
            check = {"name": step.__name__, "ok": False, "error": f"{type(error).__name__}: {error}"}
        checks.append({**check, "seconds": round(time.monotonic() - started, 3)})
        print(f"{step.__name__}: {'ok' if check['ok'] else check['error']}", flush=True)
    print(json.dumps({"checks": checks, "boto3": boto3.__version__}))
    return 0 if all(check["ok"] for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
