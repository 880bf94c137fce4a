"""Settings refuse to start a service that cannot work, and say which variable, what it got and what it takes."""

import base64
import json

import pytest

from shared.configuration import help_text, load, rows
from shared.settings import (
    DatabaseSettings,
    Fragment,
    LaneSettings,
    OAuthSettings,
    OkxSettings,
    OrderSettings,
    ProcessSettings,
    RedisSettings,
    VaultSettings,
)

EVERY: list[type[Fragment]] = [
    DatabaseSettings,
    LaneSettings,
    OAuthSettings,
    OkxSettings,
    OrderSettings,
    ProcessSettings,
    RedisSettings,
    VaultSettings,
]
KEY = base64.b64encode(bytes(range(32))).decode()
PLANTED = "planted-secret"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [row.variable for settings in EVERY for row in rows(settings)]:
        monkeypatch.delenv(name, raising=False)


def refusal(settings: type[Fragment], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        load(settings, [])
    assert left.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "variables", "said"),
    [
        (OrderSettings, {}, ["SLIPSTREAM_OKX_TAG: is not set; it takes 1 to 16 letters or digits"]),
        (OrderSettings, {"OKX_TAG": ""}, ["SLIPSTREAM_OKX_TAG: got ''", "1 to 16 letters or digits"]),
        (OrderSettings, {"OKX_TAG": "has-hyphen"}, ["SLIPSTREAM_OKX_TAG: got 'has-hyphen'"]),
        (OrderSettings, {"OKX_TAG": "A" * 17}, ["SLIPSTREAM_OKX_TAG: got"]),
        (
            OrderSettings,
            {"OKX_TAG": "ABC", "OKX_READ_TIMEOUT_MS": "1500"},
            ["SLIPSTREAM_OKX_READ_TIMEOUT_MS: got 1500; it takes at least", "(2000)"],
        ),
        (OkxSettings, {"OKX_ALLOWED_SITES": "www,moon"}, ["SLIPSTREAM_OKX_ALLOWED_SITES: got 'www,moon'", "eea"]),
        (OkxSettings, {"OKX_ALLOWED_SITES": ""}, ["SLIPSTREAM_OKX_ALLOWED_SITES: got ''"]),
        (OkxSettings, {"OKX_SITES": "{not json"}, ["okx_sites"]),
        (OkxSettings, {"OKX_SITES": '{"www": {"rest": "ftp://x"}}'}, ["SLIPSTREAM_OKX_SITES: got", "ftp://x"]),
        (LaneSettings, {"LANES": "many"}, ["SLIPSTREAM_LANES: got 'many'", "it takes lanes"]),
        (LaneSettings, {"LANES": "0"}, ["SLIPSTREAM_LANES: got '0'"]),
        (
            LaneSettings,
            {"LEASE_TTL_MS": "2000"},
            ["SLIPSTREAM_LEASE_TTL_MS: got 2000; it takes at least three times SLIPSTREAM_LEASE_RENEW_MS (1000)"],
        ),
        (
            RedisSettings,
            {"REDIS_SOCKET_TIMEOUT_S": "4"},
            ["SLIPSTREAM_REDIS_SOCKET_TIMEOUT_S: got 4 s; it takes more than SLIPSTREAM_REDIS_BLOCK_MS (4000 ms)"],
        ),
        (RedisSettings, {"INSTALLATION": "{a}"}, ["SLIPSTREAM_INSTALLATION: got '{a}'", "hash tag"]),
        (VaultSettings, {}, ["SLIPSTREAM_VAULT_KEY: is not set; it takes base64 of 32 random bytes"]),
        (OAuthSettings, {"OKX_CLIENT_ID": "x"}, ["SLIPSTREAM_OKX_CLIENT_SECRET: is not set"]),
        (ProcessSettings, {"LOG_LEVEL": "loud"}, ["SLIPSTREAM_LOG_LEVEL: got 'loud'", "'debug'"]),
    ],
)
def test_a_bad_setting_is_refused_by_name(
    settings: type[Fragment],
    variables: dict[str, str],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SLIPSTREAM_{name}", value)

    text = refusal(settings, capsys)

    assert [words for words in said if words not in text] == [], text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        (VaultSettings, "VAULT_KEY"),
        (VaultSettings, "VAULT_RETIRED_KEYS"),
        (DatabaseSettings, "DATABASE_URL"),
    ],
)
def test_a_refused_secret_is_not_shown(
    settings: type[Fragment], variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLIPSTREAM_DEMO", "true")
    monkeypatch.setenv(f"SLIPSTREAM_{variable}", f"mysql://{PLANTED}@host")

    text = refusal(settings, capsys)

    assert f"SLIPSTREAM_{variable}: got (hidden)" in text
    assert PLANTED not in text


def test_every_refusal_is_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SLIPSTREAM_LANES", "0")
    monkeypatch.setenv("SLIPSTREAM_LEASE_TTL_MS", "soon")

    assert [line.split(":")[0] for line in refusal(LaneSettings, capsys).splitlines()] == [
        "SLIPSTREAM_LANES",
        "SLIPSTREAM_LEASE_TTL_MS",
    ]


def test_settings_hold_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    site = {"sim": {"rest": "http://127.0.0.1:8080", "ws": "ws://127.0.0.1:8080"}}
    monkeypatch.setenv("SLIPSTREAM_OKX_SITES", json.dumps(site))
    monkeypatch.setenv("SLIPSTREAM_OKX_ALLOWED_SITES", "sim")
    monkeypatch.setenv("SLIPSTREAM_VAULT_KEY", KEY)
    monkeypatch.setenv("SLIPSTREAM_VAULT_RETIRED_KEYS", f"{KEY}, {KEY}")

    okx, vault = load(OkxSettings, []), load(VaultSettings, [])

    assert okx.okx_sites["sim"].rest == "http://127.0.0.1:8080"
    assert okx.okx_allowed_sites == ("sim",)
    assert vault.vault_key is not None
    assert vault.vault_key.get_secret_value() == KEY
    assert len(vault.vault_retired_keys) == 2
    assert KEY not in repr(vault)


def test_the_demo_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_DEMO", "true")

    assert load(VaultSettings, []).vault_key is None


def test_urls_with_passwords_stay_out_of_representations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_REDIS_URL", f"redis://:{PLANTED}@host/0")
    monkeypatch.setenv("SLIPSTREAM_DATABASE_URL", f"postgresql+asyncpg://u:{PLANTED}@host/db")

    assert PLANTED not in repr(load(RedisSettings, [])) + repr(load(DatabaseSettings, []))


@pytest.mark.parametrize("settings", EVERY)
def test_every_setting_has_a_unit_and_an_effect(settings: type[Fragment]) -> None:
    for row in rows(settings):
        assert row.unit, row
        assert row.effect, row
        assert row.variable in help_text(settings)


def test_help_prints_and_leaves_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        load(LaneSettings, ["--help"])

    assert left.value.code == 0
    assert "SLIPSTREAM_LANES" in capsys.readouterr().out


def test_an_argument_is_refused_because_settings_are_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        load(LaneSettings, ["--lanes", "4"])

    assert left.value.code == 2
    assert "'--lanes 4'; it takes none but --help" in capsys.readouterr().err
