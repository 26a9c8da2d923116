"""The settings of every process: typed, frozen, read once at start from a TOML file and the environment.

The environment wins over the file, the file over the defaults. `RINGPLAN_SIP__UDP` is the key `udp` of the
table `[sip]`. `load` is the only way a process gets its settings; a wrong one stops the start.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from config.tables import (
    CallSettings,
    EmergencySettings,
    LogSettings,
    MediaSettings,
    MetricsSettings,
    SipSettings,
    SmtpSettings,
    TraceSettings,
    TrunkSettings,
    VoicemailSettings,
    WebhookSettings,
)
from config.values import Folder

PREFIX = "RINGPLAN_"
CONFIG_VARIABLE = "RINGPLAN_CONFIG"
NO_SUCH_SETTING = "{}: there is no such setting; see docs/configuration.md"
SECRETS = frozenset({"password", "secret"})
"""Keys whose value is shown nowhere, not even where it is refused."""
SOCKET_PATH_LIMIT = 107
"""Longest path of a Unix socket in bytes (`sun_path` holds 108 with its end mark, unix(7))."""


class ConfigError(Exception):
    """The configuration is wrong: one sentence a line, each naming the key, the value and what is allowed."""


def _run_dir(values: dict[str, Any]) -> Path:
    """The default of `run_dir`; when `data_dir` itself was refused, that error is the one to report."""
    data_dir = values.get("data_dir", Path("data"))
    assert isinstance(data_dir, Path)
    return data_dir / "run"


class Settings(BaseSettings):
    """Everything a process may be told. Frozen; the same in every process of one service."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", validate_default=True
    )

    data_dir: Folder = Path("data")
    run_dir: Folder = Field(default_factory=_run_dir)
    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    calls: CallSettings = CallSettings()
    emergency: EmergencySettings = EmergencySettings()
    trunks: TrunkSettings = TrunkSettings()
    voicemail: VoicemailSettings = VoicemailSettings()
    smtp: SmtpSettings = SmtpSettings()
    webhook: WebhookSettings = WebhookSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    trace: TraceSettings = TraceSettings()

    @property
    def media_address(self) -> str:
        """The IPv4 address RTP is bound to: `media.address`, else the one SIP listens on."""
        return self.media.address or self.sip.udp.host

    @property
    def log_file(self) -> Path:
        """Where `ringplan run` writes the log: `log.file`, else `log/ringplan.jsonl` under `data_dir`."""
        return self.log.file or self.data_dir / "log" / "ringplan.jsonl"

    @model_validator(mode="after")
    def _sockets_fit(self) -> Self:
        if len(os.fsencode(self.run_dir / "control.sock")) > SOCKET_PATH_LIMIT:
            raise ValueError(
                f"run_dir ({self.run_dir}) is too long: a socket's path may have {SOCKET_PATH_LIMIT} bytes"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(config_file: Path | None = None) -> Settings:
    """The settings from `config_file` (default: what RINGPLAN_CONFIG names, else none) and the environment.

    Raises ConfigError, one sentence a line, when the file cannot be read or anything in it is wrong.
    """
    if config_file is None and (named := os.environ.get(CONFIG_VARIABLE)):
        config_file = Path(named)
    if config_file is not None:
        _check_readable(config_file)
    unknown = [NO_SUCH_SETTING.format(name) for name in _unknown(os.environ)]
    if unknown:
        raise ConfigError("\n".join(unknown))

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=config_file)

    try:
        return FromFile()
    except ValidationError as error:
        raise ConfigError("\n".join(_sentences(error.errors(), config_file, os.environ))) from None


def _check_readable(path: Path) -> None:
    try:
        tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: the configuration file cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the configuration file is not TOML: {error}") from None


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    """Variables with our prefix that name no table and no key at the top."""
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() != CONFIG_VARIABLE:
            top = name[len(PREFIX) :].lower().partition("__")[0]
            if top not in Settings.model_fields:
                yield name


def _sentences(
    errors: list[ErrorDetails], config_file: Path | None, environment: Mapping[str, str]
) -> Iterator[str]:
    """Each refusal as a sentence: key, where it came from, the value, what is allowed."""
    for error in errors:
        path = [str(part) for part in error["loc"]]
        key = ".".join(path) or "settings"
        value = "***" if path and path[-1] in SECRETS else repr(error["input"])
        variable = PREFIX + "__".join(path).upper()
        if any(name.upper() == variable for name in environment):
            source = f" (from {variable})"
        else:
            source = f" (in {config_file})" if config_file is not None else ""
        why = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        match error["type"]:
            case "default_factory_not_called":
                pass  # a default that follows from a value which was refused
            case "extra_forbidden":
                yield NO_SUCH_SETTING.format(key + source)
            case "value_error" if isinstance(error["input"], dict | BaseModel):
                yield f"{key}{source}: {why}"
            case "value_error":
                yield f"{key}{source} is {value}: {why}"
            case _:
                yield f"{key}{source} is {value}: allowed is {why}"
