"""The tables of the configuration file: which settings there are of each area, and what each is by default."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from config.values import (
    AccessCodes,
    Algorithms,
    Codes,
    Count,
    DeltaSeconds,
    Endpoint,
    Folder,
    HostPort,
    NameServers,
    Network,
    Networks,
    OptionalAddress,
    OptionalEndpoint,
    OptionalFile,
    OptionalNumber,
    Port,
    PortRange,
    Ports,
    Seconds,
    SecondsOrNone,
    Sender,
    WebAddress,
)

LOOPBACK_AND_PRIVATE = tuple(
    IPv4Network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)


class Table(BaseModel):
    """One table of the configuration file: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _same_as_udp(values: dict[str, Any]) -> HostPort:
    """The default of `sip.tcp`; when `sip.udp` itself was refused, that error is the one to report."""
    udp = values.get("udp", HostPort("127.0.0.1", 5060))
    assert isinstance(udp, HostPort)
    return udp


class SipSettings(Table):
    """Signalling: where it listens, what it calls itself, and RFC 3261's timers in seconds."""

    udp: Endpoint = HostPort("127.0.0.1", 5060)
    tcp: OptionalEndpoint = Field(default_factory=_same_as_udp)
    tcp_connections: Count = 800
    tcp_connections_per_address: Count = 200
    tcp_unauthenticated: Seconds = 30.0
    public_address: OptionalAddress = None
    local_networks: Networks = LOOPBACK_AND_PRIVATE
    realm: str = Field(default="ringplan", min_length=1, pattern=r'^[^"\\\r\n]+$')
    user_agent: str = Field(default="Ringplan", min_length=1, pattern=r"^[^\r\n]+$")
    t1: Seconds = 0.5
    t2: Seconds = 4.0
    t4: Seconds = 5.0
    min_expires: DeltaSeconds = 60
    default_expires: DeltaSeconds = 3600
    max_expires: DeltaSeconds = 3600
    max_contacts: Count = 10
    # Phones in use give up at a challenge that names SHA-256, even beside MD5 (RFC 8760 §2.4 says they should
    # pick): offering it is the operator's choice.
    digest_algorithms: Algorithms = ("MD5",)
    nonce_lifetime: Seconds = 300.0
    auth_failures: Count = 10
    auth_window: Seconds = 60.0
    auth_silence: Seconds = 60.0
    auth_longest_silence: Seconds = 3600.0
    receive_buffer: int = Field(default=4194304, ge=65536)
    receive_queue: Count = 2000
    dns_servers: NameServers = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_expires <= self.default_expires <= self.max_expires:
            raise ValueError(
                f"min_expires ({self.min_expires}), default_expires ({self.default_expires}) and "
                f"max_expires ({self.max_expires}) must each be no less than the one before"
            )
        if self.auth_silence > self.auth_longest_silence:
            raise ValueError(
                f"auth_silence ({self.auth_silence}) must not be longer than "
                f"auth_longest_silence ({self.auth_longest_silence})"
            )
        if self.t1 > self.t2:
            raise ValueError(f"t1 ({self.t1}) must not be longer than t2 ({self.t2})")
        return self


class MediaSettings(Table):
    """Sound: the relay's addresses and ports, and the pool of workers that play and record."""

    address: OptionalAddress = None
    public_address: OptionalAddress = None
    ports: Ports = PortRange(20000, 29999)
    sessions: Count = 500
    workers: int = Field(default=2, ge=0)
    max_workers: Count = 25
    calls_per_worker: int = Field(default=4, ge=1, le=4)
    worker_network: Network = IPv4Network("127.0.64.0/20")
    silence_timeout: Seconds = 60.0
    prompts: Folder = Path(__file__).parent.parent / "media" / "prompts"
    language: str = Field(default="en", pattern=r"^[a-z]{2}(-[a-z]{2})?$")

    @model_validator(mode="after")
    def _in_bounds(self) -> Self:
        if 4 * self.sessions > len(self.ports):
            raise ValueError(
                f"ports ({self.ports}) must hold four ports for each of sessions ({self.sessions})"
            )
        if self.workers > self.max_workers:
            raise ValueError(
                f"workers ({self.workers}) must not be more than max_workers ({self.max_workers})"
            )
        if not self.worker_network.subnet_of(IPv4Network("127.0.0.0/8")):
            raise ValueError(f"worker_network ({self.worker_network}) must lie inside 127.0.0.0/8")
        if self.worker_network.num_addresses - 2 < self.max_workers:
            raise ValueError(
                f"worker_network ({self.worker_network}) must hold an address for each of "
                f"max_workers ({self.max_workers})"
            )
        return self


class CallSettings(Table):
    """Limits of a call that is being set up, in seconds."""

    max_unanswered: Seconds = 170.0
    keep_ringing: Seconds = 180.0
    provisional_repeat: Seconds = 60.0
    engaged_tone: SecondsOrNone = 5.0
    trunk_silence: Seconds = 4.0
    redirect: Seconds = 45.0
    redirected: Count = 5
    per_minute: Count = 60
    drain: SecondsOrNone = 30.0


class EmergencySettings(Table):
    """Emergency calls: numbers besides 999, 112 and 18000, and the one shown for somebody without any."""

    codes: Codes = ()
    number: OptionalNumber = None


class TrunkSettings(Table):
    """How carriers are watched: seconds between two OPTIONS probes, 0 for none."""

    probe_interval: SecondsOrNone = 30.0


class VoicemailSettings(Table):
    """How users reach the voice portal; limits of a recording, in seconds of sound, and of a mailbox.
    Messages are kept for so many days, 0 for ever. So many megabytes of the disk no message may take."""

    access_codes: AccessCodes = ("1571", "*1571")
    max_seconds: Seconds = 180.0
    silence_seconds: Seconds = 10.0
    min_seconds: SecondsOrNone = 2.0
    max_messages: Count = 100
    keep_days: int = Field(default=0, ge=0)
    keep_free: int = Field(default=64, ge=0)


def _usual_port(values: dict[str, Any]) -> int:
    """The default of `smtp.port`: submission with STARTTLS, with TLS (RFC 8314 §3.3), or plain SMTP."""
    return {"starttls": 587, "tls": 465}.get(values.get("security", ""), 25)


class SmtpSettings(Table):
    """The mail server that takes notifications (RFC 6409); an empty `host` switches mail off."""

    host: str = Field(default="", pattern=r"^[A-Za-z0-9.:_-]*$")
    security: Literal["starttls", "tls", "none"] = "starttls"
    port: Port = Field(default_factory=_usual_port)
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: Sender = ""
    ca_file: OptionalFile = None
    timeout: Seconds = 60.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.host and not self.sender:
            raise ValueError('sender must be set with host, such as "Ringplan <voicemail@acme.example>"')
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError("username and password must be set together, or neither")
        if self.username and self.security == "none":
            raise ValueError('a password is not sent in clear: security must be "starttls" or "tls"')
        return self


class WebhookSettings(Table):
    """Where events are posted, signed with `secret`; an empty `url` switches it off."""

    url: WebAddress = ""
    secret: SecretStr = SecretStr("")
    allow_private: bool = False
    timeout: Seconds = 10.0

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.url and len(self.secret.get_secret_value()) < 16:
            raise ValueError("secret must have at least 16 characters where url is set")
        if self.url.startswith("http:") and not self.allow_private:
            raise ValueError(
                "url must begin with https:// (http:// only with allow_private, inside one's network)"
            )
        return self


class LogSettings(Table):
    """The log: one event a line, to stdout and to `file`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    file: Folder | None = None


class MetricsSettings(Table):
    """Where Prometheus reads the figures; an empty address switches them off."""

    address: OptionalEndpoint = HostPort("127.0.0.1", 9160)


class TraceSettings(Table):
    """Whether the first line, key headers and time of each SIP message of a call are kept."""

    enabled: bool = True
