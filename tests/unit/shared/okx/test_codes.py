import pytest

from shared.domain.outcomes import Category
from shared.okx.codes import ABSENT, CLOCK_IS_OFF, CODES, HOPELESS, REVOKED, Reaction

NUMBERED = {
    Reaction.AMBIGUOUS: "50004 51149 51054 50026 50001 50013 51412 51016 50071 51011 51065 51068 50042",
    Reaction.THROTTLE: "50011 50061 50040 58102 51113 60014",
    Reaction.EXPIRED: "50036 50037",
    Reaction.AUTH: "53000 53002 53003 50114 50102",
    Reaction.LATER: "51030 51029 51028 50017 50018 50019 50020 50021 50022 50023 54012 54094 54031 51290 50046 50062"
    " 51032",
}
REFUSED = {
    Category.GRANT_DEAD: "53001 53004 53005 53009 53012 53013 50100 50105 50111 50119 50120 50030",
    Category.FLEET: "53010 53014 53016 53017 53018 50101 50103 50104 50106 50107 50110 50112 50113 50115 50121 50035",
    Category.PARAMETER: "51000 50014 50015 50016 50024 50025 51001 51002 51015 51005 51006 51007 51020 51120 51121"
    " 51150 51101 51201 51202 51203 51185 51116 51135 51136 51137 51138 51109 51110 51124 51196 51197 54084 54085"
    " 54051 51111",
    Category.ACCOUNT_MODE: "51010 50072 51041 51039 54024 54025 54026 54027 54028 51037 51038 51209 51210 51211 51212"
    " 51213 51214 54092 54109",
    Category.FUNDS: "51008 51127 51131 51017 51502",
    Category.POSITION_LIMIT: "51004 51102 51103 51104 51105 51106 51107 51117 51174 51129 51186 51187 54030 59128",
    Category.NOTHING_TO_CLOSE: "51023 51169 51043 51112 51173",
    Category.REDUCE_CONFLICT: "51170 51205 51206 51148 51134 51125 51126 51133 51139 51333 51100",
    Category.INSTRUMENT_STATE: "51021 51022 51027 51087 54072 54035 50033",
    Category.BLOCKED: "50007 50008 50009 50012 50027 50028 50029 50032 50051 50052 50059 50060 50075 51009 51024 51155"
    " 50041 50067",
    Category.LEAD_TRADER: "51072 51073 51074 51075 51078 51099 51156 51159 51166 51321 51322 51323 51324 51325 51326",
    Category.OTHER: "51400 51401 51402 51410 51416 51503 51603 51403 51404 51405",
}
SOCKET = (
    "60004 60005 60006 60007 60008 60009 60011 60012 60013 60014 60018 60019 60023 60024 60026 60027 60028 60031 60032"
    " 60033 63999 64000 64001 64002 64003 64004 64007 64008"
)


@pytest.mark.parametrize(
    ("reaction", "code"), [(reaction, code) for reaction, codes in NUMBERED.items() for code in codes.split()]
)
def test_a_code_that_is_not_final_says_what_to_do(reaction: Reaction, code: str) -> None:
    assert CODES[code].reaction is reaction


@pytest.mark.parametrize(
    ("category", "code"), [(category, code) for category, codes in REFUSED.items() for code in codes.split()]
)
def test_a_final_code_says_what_it_asks_of_us(category: Category, code: str) -> None:
    assert (CODES[code].reaction, CODES[code].category) == (Reaction.TERMINAL, category)


def test_the_codes_of_sockets_are_known() -> None:
    assert [code for code in SOCKET.split() if code not in CODES] == []


def test_every_code_has_a_meaning_and_five_digits() -> None:
    assert [code for code, known in CODES.items() if not (known.meaning and code.isdecimal() and len(code) == 5)] == []


def test_the_special_sets_are_part_of_the_table() -> None:
    assert ABSENT | CLOCK_IS_OFF | HOPELESS | {REVOKED} <= CODES.keys()
    assert all(CODES[code].reaction is Reaction.AUTH for code in HOPELESS | {REVOKED})
