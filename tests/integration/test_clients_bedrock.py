"""Unmodified programs on boto3, and on Anthropic's SDK for Bedrock, under `tokmeter run`: signatures stay what they were."""

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tests.integration.sdk_metered import (
    CACHED,
    REASONING,
    Booked,
    check_metered,
    check_provider_failure,
    check_refused,
    check_subsets,
)
from tokmeter.testing import Behaviour

CONVERSE = Booked("bedrock", "converse")
INVOKE = Booked("bedrock", "invoke")
UNPRICED = Booked("bedrock", "invoke", priced=False)
SIGNED = ("x-amz-date", "host", "amz-sdk-invocation-id", "amz-sdk-request")
QUOTA = {"error": "ServiceQuotaExceededException", "status": 402, "type": "ServiceQuotaExceededException"}


def test_converse_is_metered(metered: Metered) -> None:
    check_metered(metered, "bedrock_calls.py", {"converse": CONVERSE, "converse_stream": CONVERSE})

    for request in metered.simulator.requests:
        # The hash of the signature is compared with the client's own; what it covers is all here.
        assert request.signature_sha256
        assert set(SIGNED) <= set(request.headers)
        assert request.headers["host"] == "bedrock-runtime.us-east-1.amazonaws.com"


def test_each_family_of_models_is_metered(metered: Metered) -> None:
    calls = {f"invoke_{name}{end}": INVOKE for name in ("claude", "nova", "titan", "llama3") for end in ("", "_stream")}

    check_metered(metered, "bedrock_calls.py", calls)


def test_a_body_without_numbers_is_metered_by_its_headers_or_metrics(metered: Metered) -> None:
    check_metered(metered, "bedrock_calls.py", {"invoke_command": UNPRICED, "invoke_command_stream": UNPRICED})


def test_anthropics_sdk_on_bedrock_is_metered(metered: Metered) -> None:
    check_metered(metered, "bedrock_calls.py", {"sdk": INVOKE, "sdk_stream": INVOKE})


def test_the_cache_is_within_the_input(metered: Metered) -> None:
    calls = ["converse", "converse_stream", "invoke_claude", "invoke_nova_stream"]

    # What was thought is in the output and named nowhere.
    check_subsets(metered, "bedrock_calls.py", calls, cached=CACHED, reasoning=None)


def test_a_stream_that_breaks_off_is_counted_as_far_as_it_came(metered: Metered) -> None:
    metered.simulator.follow(Behaviour(abort_after=2, reasoning=REASONING))

    ended = metered.run([*python_program("bedrock_calls.py"), "converse_stream"])

    (entry,) = ended.entries
    assert "error" in ended.lines[0]
    assert (entry["outcome"], entry["provenance"]) == ("upstream_gone", "estimated")
    assert 0 < entry["usage"]["output_tokens"] < metered.simulator.requests[0].output_tokens


def test_a_refusal_is_an_error_of_botocore_and_is_not_tried_again(metered: Metered) -> None:
    calls = ("converse", "converse_stream", "invoke_titan", "invoke_claude_stream")

    check_refused(metered, "bedrock_calls.py", [{"call": call, **QUOTA} for call in calls])


def test_the_runtimes_own_rejection_is_passed_on_each_time(metered: Metered) -> None:
    check_provider_failure(metered, "bedrock_calls.py", "converse", asked=3)
