"""A tally says what a histogram of the library would say."""

from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.metrics import LATENCY_BUCKETS, Meter

LINES = ("_bucket{", "_count{", "_sum{")


def told(text: str) -> dict[str, float]:
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if any(word in line for word in LINES))
    return {name: round(float(value), 6) for name, value in rows}


@given(st.lists(st.floats(0, 100) | st.sampled_from(LATENCY_BUCKETS), max_size=30))
def test_it_tells_what_a_histogram_would(values: list[float]) -> None:
    ours, theirs = Meter("ours"), Meter("theirs")
    tally = ours.tallies("hop_seconds", "Measures how long.", "hop", ["one"])["one"]
    histogram = theirs.histogram("hop_seconds", "Measures how long.", ("hop",)).labels("one")
    for value in values:
        tally.note(value)
        histogram.observe(value)
    assert told(ours.render().decode()) == told(theirs.render().decode())
