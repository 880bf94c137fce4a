from typing import Any

import pytest

from shared.telemetry.metrics import Meter


def test_a_metric_is_rendered_with_the_prefix_and_its_sentence() -> None:
    meter = Meter("token_keeper")
    meter.counter("grant_refreshes", "Grants renewed, by outcome.", ("outcome",)).labels("stored").inc()

    text = meter.render().decode()

    assert "# HELP slipstream_grant_refreshes_total Grants renewed, by outcome." in text
    assert 'slipstream_grant_refreshes_total{outcome="stored"} 1.0' in text
    assert 'slipstream_process_info{service="token_keeper"} 1.0' in text


def test_a_histogram_sees_tenths_of_a_millisecond() -> None:
    meter = Meter("follower_worker")
    meter.histogram("hop_seconds", "Time between two stations of a copy.").observe(0.0002)

    text = meter.render().decode()

    assert 'slipstream_hop_seconds_bucket{le="0.0001"} 0.0' in text
    assert 'slipstream_hop_seconds_bucket{le="0.00025"} 1.0' in text


@pytest.mark.parametrize(
    ("name", "sentence", "labels", "complaint"),
    [
        ("refreshes", "Grants renewed.", (), "expected <noun>_<unit>"),
        ("Grant_Refreshes", "Grants renewed.", (), "expected <noun>_<unit>"),
        ("grant_refreshes", "renewals", (), "expected a whole one"),
        ("grant_refreshes", "Grants renewed.", ("follower",), "not in the vocabulary"),
    ],
)
def test_a_metric_outside_the_vocabulary_cannot_be_made(name: str, sentence: str, labels: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Meter("token_keeper").counter(name, sentence, labels)


def test_a_name_is_made_once() -> None:
    meter = Meter("token_keeper")
    meter.gauge("grants_due", "Grants waiting for renewal.")

    with pytest.raises(ValueError, match="Duplicated"):
        meter.gauge("grants_due", "Grants waiting for renewal.")
