"""What may go wrong with a request, sorted by what the caller may do next.

    OkxError
    ├─ NotSent           refused before the first byte left: safe to try again
    ├─ Unanswered        sent, and we do not know: time-out, 5xx, reset
    │  └─ Unreadable     something came, but not an answer we can trust
    ├─ Throttled         told to wait; not executed
    ├─ Unauthorised      not executed because the credential is not accepted now; a newer one may be
    └─ Refused           definitive: code, sub-code, category from `codes`

No error carries a token, a key or a request body.
"""

from shared.domain.outcomes import Category


class OkxError(Exception):
    """A request to OKX brought no result."""


class NotSent(OkxError):
    """Nothing of the request left this process."""


class Unanswered(OkxError):
    """The request left, wholly or in part, and its effect is not known."""


class Unreadable(Unanswered):
    """What came back is not a message we can trust; says what was expected of it."""


class Throttled(OkxError):
    """OKX did not execute the request because of a limit; wait before the next."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"OKX throttles: {code} {message}".rstrip())
        self.code = code


class Unauthorised(OkxError):
    """OKX did not execute the request because it does not accept the credential as it is now."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"OKX does not accept the credential: {code} {message}".rstrip())
        self.code = code


class Refused(OkxError):
    """OKX will not execute the request, however often it is repeated."""

    def __init__(self, code: str, sub_code: str, category: Category, message: str) -> None:
        super().__init__(f"OKX refuses ({category.value}): {code} {message}".rstrip())
        self.code = code
        self.sub_code = sub_code
        self.category = category
        self.message = message
