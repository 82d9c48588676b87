"""MiniStack, with what local mode promises and MiniStack alone does not.

- What an answered request made is still there after the process was killed: MiniStack itself writes objects at once, but
  keys, parameters, queues and the settings of buckets only when it is asked to stop.
- A write that the disk has no room for is refused. MiniStack itself would only log that it could not keep the object.
- Object Lock outlives a restart: MiniStack itself forgets until when objects are locked.
- PutEvents takes sources that begin with "aws.": the local SageMaker stands in for AWS here, and sends its state changes
  as "aws.sagemaker", as the real one does.
"""

import asyncio
import json
import os
import re
import shutil
import sys

from ministack import app as ministack
from ministack.core import persistence
from ministack.services import eventbridge, s3

put_events = eventbridge._put_events
eventbridge._put_events = lambda data, allow_aws_source=True: put_events(data, allow_aws_source)

# Locks of objects by (bucket, key, version): kept with the settings of buckets.
s3._PERSISTED_BUCKET_DICTS |= {"object_retention": s3._object_retention, "object_legal_hold": s3._object_legal_hold}

# Room that is kept for the state of all services, which is written anew as a whole.
RESERVE_BYTES = 8 * 1024 * 1024
# The service in the credential scope of a request -> the name under which MiniStack keeps its state.
STATES = {"s3": "s3", "kms": "kms", "ssm": "ssm", "sqs": "sqs", "events": "eventbridge"}
# Operations that change nothing that has to be kept. Messages may be lost as they may on AWS: nothing relies on them alone.
PASSING = re.compile(
    r"(Get|List|Describe|Encrypt|Decrypt|GenerateDataKey|ReEncrypt|Send|Receive|DeleteMessage|ChangeMessage|PutEvents)"
)
inner = ministack.app


def service_of(headers):
    scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    return scope.group(1) if scope else None


def leaves_state(method, path, headers):
    """Whether a request changes what only the state files keep."""
    if method in ("GET", "HEAD"):
        return False
    target = headers.get("x-amz-target", "")
    if target:
        return not PASSING.match(target.rpartition(".")[2])
    # A path with a key in it is an object's, and objects are written by MiniStack; their locks are not.
    locks = any(name.startswith("x-amz-object-lock-") for name in headers)
    return locks or service_of(headers) != "s3" or path.strip("/").count("/") == 0


class Keeper:
    """Writes the state of services; requests that come together share one write."""

    def __init__(self):
        self.wanted = set()
        self.write = None

    async def keep(self, service):
        self.wanted.add(STATES.get(service))
        if self.write is None:
            self.write = asyncio.ensure_future(self._soon())
        await asyncio.shield(self.write)

    async def _soon(self):
        await asyncio.sleep(0.003)
        # From here to the end nothing else runs: what is wanted from now on is another write's.
        self.write = None
        wanted, self.wanted = self.wanted, set()
        known = ministack._build_persistence_save_dict()
        persistence.save_all({name: state for name, state in known.items() if None in wanted or name in wanted})


keeper = Keeper()


async def refuse(send, service):
    said = (
        f"No space left on the disk that holds {persistence.STATE_DIR}: MiniStack keeps nothing more until some is freed, "
        "and goes on by itself then"
    )
    if service == "s3":
        body = f"<Error><Code>ServiceUnavailable</Code><Message>{said}</Message></Error>"
        kind = b"application/xml"
    else:
        body = json.dumps({"__type": "ServiceUnavailableException", "message": said})
        kind = b"application/x-amz-json-1.1"
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body.encode()})


async def app(scope, receive, send):
    if scope["type"] != "http":
        return await inner(scope, receive, send)
    headers = {name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]}
    method, service = scope["method"], service_of(headers)
    keeps = leaves_state(method, scope["path"], headers)
    if keeps or (method in ("PUT", "POST") and service == "s3"):
        size = int(headers.get("content-length") or 0)
        if shutil.disk_usage(os.environ["STATE_DIR"]).free < RESERVE_BYTES + size:
            return await refuse(send, service)
    if not keeps:
        return await inner(scope, receive, send)
    held = []

    async def hold(message):
        held.append(message)

    await inner(scope, receive, hold)
    await keeper.keep(service)
    for message in held:
        await send(message)


if persistence.PERSIST_STATE:
    os.makedirs(os.environ["STATE_DIR"], exist_ok=True)
    ministack.app = app

sys.exit(ministack.main())
