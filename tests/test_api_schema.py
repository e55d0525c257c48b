"""Schemathesis over the whole OpenAPI document, against a real server: no 5xx, nothing that the document does not say.

`HYPOTHESIS_PROFILE=explore` draws a thousand examples for each operation instead of a few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from assistant.api.app import create_api
from tests.api_server import serving, small_shop

schemathesis = pytest.importorskip("schemathesis", reason="the document is tried by schemathesis")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

EXAMPLES = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 8


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> Iterator[object]:
    shop = small_shop(tmp_path_factory.mktemp("shop"))
    with serving(create_api(shop)) as address:
        yield schemathesis.openapi.from_url(f"{address}/v1/openapi.json")
    shop.close()


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.timeout(3_600 if EXAMPLES > 100 else 300)
def test_every_operation_keeps_to_its_document(document, mode):
    failures = []
    for found in document.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def keeps(case: object) -> None:
            # A picture must be one and a sku the shop's, which no schema can say: that what is valid by its schema is
            # accepted is not asked.
            case.call_and_validate(excluded_checks=[checks.positive_data_acceptance], timeout=60)

        try:
            keeps()
        except Unsatisfiable:  # an operation that takes nothing cannot be asked wrongly
            continue
        except Exception as error:
            error.add_note(operation.label)
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} operations do not keep to the document", failures)
