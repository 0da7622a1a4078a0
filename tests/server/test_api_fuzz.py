"""What the API says of itself is true, whatever is sent: Schemathesis against a server of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.console.conftest import Running, start
from tests.databases import folder_of_its_own

from sightline.server.app import create_app

schemathesis = pytest.importorskip("schemathesis")
from schemathesis import checks  # noqa: E402

ENDLESS = r"/jobs/(events|\{job_id\}/events)"
SIGNS_OUT = r"/(auth|keys/\{|users/\{)"
CHECKS = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
)
some = settings(max_examples=6, suppress_health_check=list(HealthCheck), deadline=None)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Running]:
    with folder_of_its_own() as folder:
        process, address, token = start(folder / "data")
        assert token is not None
        yield Running(address, token, folder / "data", process)
        assert process.poll() is None, "the server ended"
        process.terminate()
        process.communicate(timeout=30)


schema = schemathesis.openapi.from_dict(create_app(None).openapi())
schema.config.phases.update(phases=["examples", "fuzzing"])


@schema.exclude(path_regex=ENDLESS).exclude(path_regex=SIGNS_OUT).parametrize()
@some
def test_whatever_is_sent_the_answer_is_as_described(case, fuzzed: Running) -> None:
    answer = case.call(base_url=fuzzed.address, headers={"Authorization": f"Bearer {fuzzed.token}"}, timeout=60)
    case.validate_response(answer, checks=list(CHECKS))


@schema.include(path_regex=SIGNS_OUT).parametrize()
@some
def test_whatever_is_sent_to_accounts_the_answer_is_as_described(case, fuzzed: Running) -> None:
    """These come last: they may end the very rights that they are asked with."""
    answer = case.call(base_url=fuzzed.address, headers={"Authorization": f"Bearer {fuzzed.token}"}, timeout=60, allow_redirects=False)
    case.validate_response(answer, checks=list(CHECKS))


@schema.exclude(path_regex=ENDLESS).parametrize()
@settings(max_examples=2, suppress_health_check=list(HealthCheck), deadline=None)
def test_without_a_key_nothing_is_told(case, fuzzed: Running) -> None:
    answer = case.call(base_url=fuzzed.address, timeout=60, allow_redirects=False)
    is_open = case.path in ("/livez", "/readyz") or case.path.startswith("/api/v1/auth/")
    refused = (401, 413, 422)  # 422: what is sent is not even JSON, which is noticed before anything else
    assert is_open or answer.status_code in refused, (case.path, answer.status_code)
