"""How the control door answers: plain JSON, and refusals that say what was wrong."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from services.okx_simulator.calls import Call, Endpoint
from services.okx_simulator.wire.http import Answer, json_answer

T = TypeVar("T")

_REFUSED = 400


def door(handle: Callable[[Call], Any]) -> Endpoint:
    """Make an endpoint of a function that returns what is to be spelled, or raises ValueError for bad input."""

    def answered(call: Call) -> Answer:
        try:
            return json_answer(handle(call))
        except (ValueError, ArithmeticError, msgspec.DecodeError) as error:
            return json_answer({"error": str(error) or repr(error)}, _REFUSED, "control")

    return Endpoint(answered, private=False)


def told(call: Call, shape: type[T]) -> T:
    """Read the body as `shape`.

    Raises:
        ValueError: it does not have that shape; the text says where and what was expected.
    """
    return msgspec.json.decode(call.request.body, type=shape)
