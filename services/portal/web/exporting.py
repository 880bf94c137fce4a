"""Every copy of an account as a file: CSV for people's tables, NDJSON for programs; page by page, never all at once."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum

from services.portal.web import ledger
from services.portal.web.house import Records
from shared.domain.ids import AccountId

_PAGE = 500


class Form(StrEnum):
    """How a file is spelled."""

    CSV = "csv"
    NDJSON = "ndjson"


MEDIA = {Form.CSV: "text/csv", Form.NDJSON: "application/x-ndjson"}


async def export(records: Records, account: AccountId, form: Form) -> AsyncIterator[str]:
    """Yield the file in pieces, newest copies first."""
    if form is Form.CSV:
        yield _line(list(ledger.CopyRow.model_fields))
    before: tuple[int, str] | None = None
    while rows := await records.copies(account, before, _PAGE, None):
        copies = [ledger.CopyRow.of(each) for each in rows]
        before = copies[-1].at, copies[-1].cl_ord_id
        if form is Form.CSV:
            yield "".join(_line([_cell(each) for each in copy.model_dump().values()]) for copy in copies)
        else:
            yield "".join(f"{copy.model_dump_json()}\n" for copy in copies)


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: object) -> str:
    """Spell a cell; what a spreadsheet would run as a formula is made plain text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t") or (text[:1] == "-" and not text[1:2].isdigit()) else text
