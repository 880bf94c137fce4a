"""The cast as the enrolment command wants it."""

from typing import Any

from deploy.demo.cast import Cast


def enrolment_of(cast: Cast) -> dict[str, Any]:
    """Return the document `python -m services.portal enrol` reads."""
    raise NotImplementedError
