"""A URL that two readers could read differently is not called at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.hooks.targets import Target, Unsafe, read_target

FIT = {
    "https://hooks.example": Target("https", "hooks.example", 443, "/"),
    "https://Hooks.Example:8443/a/b?c=d&e=%2F": Target("https", "hooks.example", 8443, "/a/b?c=d&e=%2F"),
    "https://hooks.example./x": Target("https", "hooks.example", 443, "/x"),
    "https://xn--bcher-kva.example:443/": Target("https", "xn--bcher-kva.example", 443, "/"),
    "https://[2606:4700::1]:2000/": Target("https", "2606:4700::1", 2000, "/"),
    "https://1.1.1.1/in": Target("https", "1.1.1.1", 443, "/in"),
}
UNFIT = [
    "", "hooks.example", "http://hooks.example/", "ftp://hooks.example/", "https://", "https:///x",
    "https://user@hooks.example/", "https://user:word@hooks.example/", "https://hooks.example\\@inside/",
    "https://hooks.example#x", "https://hooks.example/a b", "https://hooks.example/\n", "https://hooks.example:80/",
    "https://hooks.example:22/", "https://hooks.example:0/", "https://hooks.example:99999/", "https://hooks.example:x/",
    "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://hooks..example/",
    "https://-hooks.example/", "https://hooks.example-/", "https://bücher.example/", "https://[::1/", "https://a[b]/",
    "https://[::1%25eth0]/", f"https://hooks.example/{'x' * 2_100}",
]  # fmt: skip


@pytest.mark.parametrize("url", FIT)
def test_a_fit_url_is_read_in_parts(url: str) -> None:
    assert read_target(url, rehearsal=False) == FIT[url]


@pytest.mark.parametrize("url", UNFIT)
def test_an_unfit_one_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(Unsafe) as refused:
        read_target(url, rehearsal=False)
    assert len(url) < 12 or url not in str(refused.value)


@given(st.text(max_size=40))
def test_nothing_but_a_refusal_comes_of_any_text(text: str) -> None:
    for url in (text, f"https://{text}", f"https://hooks.example{text}", f"https://[{text}]/"):
        try:
            target = read_target(url, rehearsal=False)
        except Unsafe:
            continue
        assert target.scheme == "https"
        assert target.port == 443 or target.port >= 1_024
        assert target.path.startswith(("/", "?"))


def test_a_rehearsal_may_use_http_and_any_port() -> None:
    assert read_target("http://localhost:81/x", rehearsal=True) == Target("http", "localhost", 81, "/x")
    with pytest.raises(Unsafe):
        read_target("http://user@localhost/", rehearsal=True)


def test_the_host_header_names_the_port_where_it_is_not_the_usual_one() -> None:
    asked = ["https://hooks.example/", "https://hooks.example:8443/", "https://[2606:4700::1]:8443/"]
    assert [read_target(each, rehearsal=False).authority for each in asked] == [
        "hooks.example",
        "hooks.example:8443",
        "[2606:4700::1]:8443",
    ]
