"""Settings: defaults, file, environment, and refusals that a person can act on."""

from __future__ import annotations

import os
import re
import tomllib
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.settings import ConfigError, Settings, load
from config.values import HostPort, parse_sender
from scripts.write_docs import configuration

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RINGPLAN_")]:
        monkeypatch.delenv(name)


def refused(config_file: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(config_file)
    return str(caught.value).splitlines()


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load()
    assert str(settings.sip.udp) == "127.0.0.1:5060"
    assert (settings.data_dir, settings.run_dir) == (tmp_path / "data", tmp_path / "data" / "run")
    assert settings.log_file == tmp_path / "data" / "log" / "ringplan.jsonl"
    assert settings.media_address == "127.0.0.1"
    assert settings.media.prompts == ROOT / "media" / "prompts"


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ringplan.toml"
    file.write_text('[sip]\nudp = "127.0.0.2:5070"\nt1 = 0.1\n[media]\naddress = "127.0.0.9"\n')
    monkeypatch.setenv("RINGPLAN_CONFIG", str(file))
    monkeypatch.setenv("RINGPLAN_SIP__T1", "0.2")
    monkeypatch.setenv("RINGPLAN_DATA_DIR", str(tmp_path / "elsewhere"))
    settings = load()
    assert (settings.sip.udp.host, settings.sip.udp.port, settings.sip.t1) == ("127.0.0.2", 5070, 0.2)
    assert settings.run_dir == tmp_path / "elsewhere" / "run"
    assert settings.media_address == "127.0.0.9"


def test_tcp_listens_where_udp_does_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGPLAN_SIP__UDP", "127.0.0.2:5070")
    assert str(load().sip.tcp) == "127.0.0.2:5070"
    monkeypatch.setenv("RINGPLAN_SIP__TCP", "127.0.0.3:5071")
    assert str(load().sip.tcp) == "127.0.0.3:5071"
    monkeypatch.setenv("RINGPLAN_SIP__TCP", "")
    assert load().sip.tcp is None


def test_every_shape_of_value_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SIP__LOCAL_NETWORKS": "127.0.0.0/8, 10.0.0.0/8",
        "SIP__UDP": "0.0.0.0:5062",
        "SIP__PUBLIC_ADDRESS": "",
        "MEDIA__PORTS": "30000-39999",
        "MEDIA__WORKER_NETWORK": "127.9.0.0/24",
        "METRICS__ADDRESS": "",
        "SIP__DIGEST_ALGORITHMS": "md5, SHA-256",
        "TRACE__ENABLED": "false",
        "LOG__FORMAT": "json",
    }.items():
        monkeypatch.setenv(f"RINGPLAN_{name}", value)
    settings = load()
    assert settings.sip.local_networks == (IPv4Network("127.0.0.0/8"), IPv4Network("10.0.0.0/8"))
    assert (settings.sip.udp.host, settings.sip.public_address) == ("0.0.0.0", None)
    assert (settings.media.ports.first, settings.media.ports.last, len(settings.media.ports)) == (
        30000,
        39999,
        10000,
    )
    assert settings.metrics.address is None
    assert settings.trace.enabled is False
    assert settings.sip.digest_algorithms == ("MD5", "SHA-256")


LISTS = {
    "SIP__DIGEST_ALGORITHMS": ("SHA-256,MD5", '["SHA-256", "MD5"]', ("SHA-256", "MD5")),
    "SIP__LOCAL_NETWORKS": (
        "10.0.0.0/8, 192.0.2.0/24",
        ' ["10.0.0.0/8","192.0.2.0/24"] ',
        (IPv4Network("10.0.0.0/8"), IPv4Network("192.0.2.0/24")),
    ),
    "SIP__DNS_SERVERS": ("192.0.2.53,", '["192.0.2.53:53"]', (HostPort("192.0.2.53", 53),)),
    "VOICEMAIL__ACCESS_CODES": ("1571,*1571", '["1571", "*1571"]', ("1571", "*1571")),
    "EMERGENCY__CODES": ("911,933", "[911, 933]", ("911", "933")),
}


def test_every_list_is_among_these() -> None:
    tables = [(name, table) for name, table in Settings() if isinstance(table, BaseModel)]
    lists = {
        f"{name}__{key}".upper() for name, table in tables for key, value in table if type(value) is tuple
    }
    assert lists == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_can_come_from_the_environment_as_json_and_with_commas(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    commas, as_json, value = LISTS[name]
    table, key = name.lower().split("__")
    for text in (commas, as_json):
        monkeypatch.setenv(f"RINGPLAN_{name}", text)
        assert getattr(getattr(load(), table), key) == value


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("text", ["['MD5']", '["MD5",]', '["MD5"', '{"a": 1}', "[[]]"])
def test_a_list_in_another_form_is_refused_with_the_forms_that_work(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(f"RINGPLAN_{name}", text)
    (sentence,) = refused()
    assert sentence.startswith(f"{name.replace('__', '.').lower()} (from RINGPLAN_{name}) is ")
    if not text.startswith("[[") and not text.startswith("{"):
        json_form, commas = re.findall(r"such as (\[.*?\]), or (\S+) as one text with commas", sentence)[0]
        for form in (json_form, commas):
            monkeypatch.setenv(f"RINGPLAN_{name}", form)
            load()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[voicemail]\naccess_codes = ["#1571"]', ["voicemail.access_codes", "with a star before them"]),
        ('[voicemail]\naccess_codes = ["1"]', ["voicemail.access_codes", "2 to 8 digits"]),
        ("[voicemail]\naccess_codes = 1571", ["voicemail.access_codes", "a list"]),
        ('[emergency]\ncodes = ["*911"]', ["emergency.codes", "2 to 8 digits"]),
        ('[sip]\nudp = "5060"', ["sip.udp", "'5060'", "address:port is allowed"]),
        ('[sip]\nudp = "host.example:5060"', ["sip.udp", "no host names"]),
        ('[sip]\nudp = "127.0.0.1:70000"', ["sip.udp", "from 1 to 65535"]),
        ("[sip]\nt1 = 0.05", ["sip.t1", "0.05", "greater than or equal to 0.1"]),
        ("[sip]\nt1 = nan", ["sip.t1", "finite number"]),
        ("[sip]\nt1 = 5", ["sip", "t1 (5.0)", "longer than t2 (4.0)"]),
        ("[sip]\nauth_silence = 7200", ["auth_silence (7200.0)", "auth_longest_silence (3600.0)"]),
        ("[sip]\nmin_expires = 4000", ["min_expires (4000)", "default_expires (3600)"]),
        ('[sip]\nrealm = "a\\"b"', ["sip.realm", "pattern"]),
        ('[sip]\ndigest_algorithms = ["SHA-1"]', ["sip.digest_algorithms", "SHA-256 and MD5"]),
        ("[sip]\ndigest_algorithms = []", ["sip.digest_algorithms", "the preferred first"]),
        ('[sip]\nlocal_networks = ["10.0.0.1/8"]', ["sip.local_networks", "10.0.0.0/8"]),
        ("[sip]\nudq = 1", ["sip.udq", "no such setting"]),
        ('[media]\nports = "30000-30100"', ["media", "ports (30000-30100)", "four ports", "500"]),
        ('[media]\nports = "29999-20000"', ["media.ports", "20000-29999"]),
        ('[media]\nworker_network = "10.0.0.0/24"', ["worker_network (10.0.0.0/24)", "127.0.0.0/8"]),
        ('[media]\nworker_network = "127.0.64.0/29"', ["max_workers (25)"]),
        ("[media]\nworkers = 26", ["workers (26)", "max_workers (25)"]),
        ("[media]\ncalls_per_worker = 5", ["media.calls_per_worker", "less than or equal to 4"]),
        ('[media]\npublic_address = "::1"', ["media.public_address", "no IPv6"]),
        ('[smtp]\nhost = "mail.example"', ["smtp", "sender must be set"]),
        ('[smtp]\nhost = "mail example"', ["smtp.host", "pattern"]),
        ('[smtp]\nsender = "nobody"', ["smtp.sender", "'nobody'", "voicemail@acme.example"]),
        ('[smtp]\nsender = "x@y.example\\nBcc: z@y.example"', ["smtp.sender"]),
        ('[smtp]\nusername = "voicemail"', ["username and password"]),
        ('[smtp]\npassword = "open sesame"', ["username and password"]),
        (
            '[smtp]\nsecurity = "none"\nusername = "voicemail"\npassword = "open sesame"',
            ["not sent in clear", '"starttls" or "tls"'],
        ),
        ("[smtp]\npassword = 4711", ["smtp.password", "is ***"]),
        ("[smtp]\nport = 70000", ["smtp.port", "65535"]),
        ('[webhook]\nurl = "https://crm.example/"', ["webhook", "at least 16 characters"]),
        ('[webhook]\nurl = "ftp://crm.example/"', ["webhook.url", "https://host/path"]),
        ('[webhook]\nurl = "https://a:b@crm.example/"', ["webhook.url", "no name or password"]),
        (
            '[webhook]\nurl = "http://crm.example/"\nsecret = "0123456789abcdef"',
            ["https://", "allow_private"],
        ),
        ('[log]\nlevel = "loud"', ["log.level", "'loud'", "'debug', 'info', 'warning' or 'error'"]),
        ("[telephony]\nx = 1", ["telephony", "no such setting"]),
        ("[sip", ["is not TOML"]),
    ],
)
def test_a_wrong_value_is_a_sentence_that_names_it(tmp_path: Path, text: str, says: list[str]) -> None:
    file = tmp_path / "ringplan.toml"
    file.write_text(text)
    (sentence,) = refused(file)
    assert str(file) in sentence
    for part in says:
        assert part in sentence
    for secret in ("sesame", "4711"):
        assert secret not in sentence


def test_every_wrong_value_is_reported_and_the_variable_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGPLAN_SIP__T1", "soon")
    monkeypatch.setenv("RINGPLAN_LOG__LEVEL", "loud")
    first, second = refused()
    assert first.startswith("sip.t1 (from RINGPLAN_SIP__T1) is 'soon'")
    assert second.startswith("log.level (from RINGPLAN_LOG__LEVEL) is 'loud'")


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGPLAN_DATADIR", "/srv")
    monkeypatch.setenv("RINGPLAN_SIPP__UDP", "127.0.0.1:5060")
    assert [line.partition(":")[0] for line in refused()] == ["RINGPLAN_DATADIR", "RINGPLAN_SIPP__UDP"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (sentence,) = refused(tmp_path / "absent.toml")
    assert str(tmp_path / "absent.toml") in sentence
    assert "cannot be read" in sentence


def test_a_run_dir_too_long_for_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGPLAN_RUN_DIR", "/" + "r" * 100)
    (sentence,) = refused()
    assert "run_dir" in sentence
    assert "too long" in sentence


def test_secrets_come_from_the_environment_and_show_themselves_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "SMTP__HOST": "mail.example",
        "SMTP__SENDER": "Ringplan <voicemail@acme.example>",
        "SMTP__USERNAME": "voicemail",
        "SMTP__PASSWORD": "open sesame",
        "SMTP__CA_FILE": "ca.pem",
        "WEBHOOK__URL": "https://crm.example/calls",
        "WEBHOOK__SECRET": "open sesame, open",
    }.items():
        monkeypatch.setenv(f"RINGPLAN_{name}", value)
    settings = load()
    assert settings.smtp.password.get_secret_value() == "open sesame"
    assert settings.webhook.secret.get_secret_value() == "open sesame, open"
    assert settings.smtp.ca_file == Path.cwd() / "ca.pem"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "sesame" not in shown


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_of_the_mail_server_follows_from_the_security(
    monkeypatch: pytest.MonkeyPatch, security: str, port: int
) -> None:
    monkeypatch.setenv("RINGPLAN_SMTP__SECURITY", security)
    assert load().smtp.port == port
    monkeypatch.setenv("RINGPLAN_SMTP__PORT", "2525")
    assert load().smtp.port == 2525


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ("voicemail@acme.example", "voicemail@acme.example"),
        ("Ringplan <voicemail@acme.example>", "Ringplan <voicemail@acme.example>"),
        ("Acme, Ltd <voicemail@acme.example>", None),
        ('"Acme, Ltd" <voicemail@acme.example>', '"Acme, Ltd" <voicemail@acme.example>'),
        ("Zoë <voicemail@acme.example>", "Zoë <voicemail@acme.example>"),
        ("voicemail@bücher.example", None),
        ("a@b.example <voicemail@acme.example", None),
        *(
            (text, None)
            for text in ("<", "a@", "@b", "a@b, c@d", "a@b\x00", "=?utf-8?q?=0AX?= <a@b.example>")
        ),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(given: str, header: str | None) -> None:
    if header is None:
        with pytest.raises(ValueError, match="is allowed"):
            parse_sender(given)
    else:
        assert parse_sender(given) == header


def test_settings_are_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.sip.t1 = 1.0
    with pytest.raises(ValueError, match="frozen"):
        settings.data_dir = Path("/")


def test_the_example_file_shows_every_setting_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example = ROOT / "config" / "ringplan.example.toml"
    assert load(example).model_dump() == load().model_dump()

    uncommented = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and " = " in line else line
        for line in example.read_text().splitlines()
        if not line.startswith("# ") or " = " in line
    )
    shown = tomllib.loads(uncommented)
    keys = {(t, k) for t, table in shown.items() if isinstance(table, dict) for k in table}
    keys |= {(k, "") for k, value in shown.items() if not isinstance(value, dict)}
    known: set[tuple[str, str]] = set()
    for name, value in load().model_dump().items():
        known |= {(name, key) for key in value} if isinstance(value, dict) else {(name, "")}
    assert keys == known


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration(), (
        "run: python -m scripts.write_docs"
    )
