"""An S3-compatible store for tests: moto's server in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from urllib.parse import quote
from uuid import uuid4

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class TestStore:
    """A running store that gives fresh buckets."""

    __test__ = False

    def __init__(self, endpoint: str) -> None:
        import boto3

        self.endpoint = endpoint
        self.client = boto3.client("s3", endpoint_url=endpoint)

    def fresh(self, prefix: str = "sightline/media") -> str:
        """Return the address of an empty bucket."""
        bucket = f"test-{uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=bucket)
        return f"s3://{bucket}/{prefix}?endpoint_url={quote(self.endpoint, safe='')}&region=us-east-1"


@contextmanager
def object_store() -> Iterator[TestStore]:
    """Run moto's server on a free port."""
    from moto.server import ThreadedMotoServer

    with mock.patch.dict(os.environ, CREDENTIALS):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        try:
            yield TestStore(f"http://{host}:{port}")
        finally:
            server.stop()
