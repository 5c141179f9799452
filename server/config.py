"""Settings of the server: flags over environment over file over defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from matcher.domain.errors import FieldViolation, InvalidValueError
from matcher.domain.ids import TenantId, check_id
from server.access_settings import AccessSettings

ENV_PREFIX = "NEARTURN_"

_ADDRESS = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}"
_ORIGIN = r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?"
_NATS_SERVER = r"(nats|tls)://[^\s,/]+"


#: Tenants of one server: each has a shard in memory, and series of its own.
TENANT_COUNT_MAX = 256


def _names(value: object) -> object:
    # As a list in the file, or as text in a flag or in the environment.
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    for name in names:
        try:
            check_id("tenants", name if isinstance(name, str) else "")
        except InvalidValueError as error:
            raise ValueError(str(error)) from error
    if len(set(names)) < len(names):
        raise ValueError("each tenant once")
    return tuple(names)


class Settings(AccessSettings):
    """
    All settings, checked; docs/CONFIGURATION.md has the same table for people.

    Each may be given in a TOML file under its name, as an environment variable
    (``NEARTURN_`` and the name in capitals), or as a flag of ``nearturn serve``.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", toml_file=None
    )

    listen: str = Field(
        "127.0.0.1:50551",
        pattern=rf"^{_ADDRESS}$",
        description="Host and port to listen on; port 0 takes a free one.",
    )
    health_listen: str = Field(
        "",
        pattern=rf"^({_ADDRESS})?$",
        examples=["127.0.0.1:50553"],
        description="Host and port for health alone, as `listen` has it too: there no "
        "flood of calls keeps a probe waiting. Empty: none.",
    )
    wire_process: bool = Field(
        True,
        description="Speak gRPC in a process of its own, so that it takes no time from "
        "matching. Off: in the server's, with one processor or little memory.",
    )
    connect_listen: str = Field(
        "",
        pattern=rf"^({_ADDRESS})?$",
        examples=["127.0.0.1:50552"],
        description="Host and port for browsers: Connect, gRPC-Web and JSON over "
        "HTTP/1.1. Empty: none.",
    )
    connect_origins: str = Field(
        "",
        pattern=rf"^({_ORIGIN}(,{_ORIGIN})*)?$",
        examples=["https://console.example.com"],
        description="Origins of the pages that may call there: http or https, host, "
        "and a port that is not the usual one; more behind commas. Empty: none.",
    )
    advertised_address: str = Field(
        "",
        pattern=rf"^({_ADDRESS})?$",
        examples=["matcher-1.internal:50551"],
        description="Where callers find this server, told to those that a standby "
        "refuses. Empty: where it listens.",
    )
    store_url: str = Field(
        "sqlite:///nearturn.db",
        description="The store: sqlite:///FILE, or sqlite:////FILE from the root; or "
        "postgresql://USER@HOST/DATABASE.",
    )
    store_reader_count: int = Field(
        4, ge=1, le=64, description="Reads of the store under way at once."
    )
    store_connect_timeout_s: int = Field(
        5,
        ge=2,
        le=60,
        description="PostgreSQL: how long to try to connect to one address.",
    )
    store_statement_timeout_ms: int = Field(
        30_000,
        ge=100,
        le=3_600_000,
        description="PostgreSQL: how long a statement may take, and a write may wait "
        "for another writer.",
    )
    store_idle_timeout_ms: int = Field(
        10_000,
        ge=100,
        le=3_600_000,
        description="PostgreSQL: how long a transaction may pause before it is ended: "
        "by the database, or by another server that waits for it.",
    )
    store_network_timeout_ms: int = Field(
        5_000,
        ge=100,
        le=600_000,
        description="PostgreSQL: how long sent bytes may stay unacknowledged, and an "
        "answer late.",
    )
    tenants: Annotated[tuple[TenantId, ...], NoDecode, BeforeValidator(_names)] = Field(
        (TenantId("default"),),
        min_length=1,
        max_length=TENANT_COUNT_MAX,
        examples=["brand-a,brand-b"],
        description="The tenants whose data this server keeps: behind commas, or a "
        "list in the file.",
    )
    tenant_quotas: str = Field(
        "",
        examples=["/etc/nearturn/tenants.toml"],
        description="A TOML file of what single tenants may take, where it is not "
        "what all may. Empty: there is none.",
    )
    solver_threads: int = Field(
        2, ge=1, le=256, description="Threads that solve one round or plan."
    )
    solve_budget_ms: int = Field(
        60_000,
        ge=1,
        le=3_600_000,
        description="Time to solve one round or plan; then the best so far is taken, "
        "with its proven gap.",
    )
    run_timers: bool = Field(
        True,
        description="Close rounds and expire holds as time passes. Off: only when "
        "called.",
    )
    demand_count_max: int = Field(
        2_000_000,
        ge=1,
        le=100_000_000,
        description="Demands of a tenant open or held at once.",
    )
    pool_count_max: int = Field(
        1_000_000,
        ge=1,
        le=100_000_000,
        description="Return items of a tenant waiting or matched at once.",
    )
    decide_margin_ms: int = Field(
        1_000,
        ge=0,
        le=3_600_000,
        description="How long before its decide-by time an item goes to a warehouse.",
    )
    round_lead_ms: int = Field(
        5_000,
        ge=0,
        le=3_600_000,
        description="How long before that a last round is closed for it.",
    )
    shadow_count_max: int = Field(
        100_000,
        ge=0,
        le=100_000_000,
        description="Items of a tenant kept out that are asked about at once; beyond "
        "it they are only counted.",
    )
    pending_calls_max: int = Field(
        512,
        ge=2,
        le=1_000_000,
        description="Calls that may wait to be taken off the wire; from half of it on "
        "some of those that come are refused, as CANCELLED.",
    )
    queue_count_max: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="Writes of a tenant that may wait to be done.",
    )
    group_count_max: int = Field(
        1_000, ge=1, le=100_000, description="Writes in one transaction."
    )
    message_bytes_max: int = Field(
        16 * 1024 * 1024,
        ge=1024,
        le=256 * 1024 * 1024,
        description="Size of a message, both ways.",
    )
    request_retention_hours: int = Field(
        24,
        ge=1,
        le=24 * 365,
        description="How long the answer to a request id is kept.",
    )
    history_retention_days: int = Field(
        400,
        ge=1,
        le=36_500,
        description="How far back what happened can be replayed.",
    )
    replay_budget_ms: int = Field(
        120_000,
        ge=1,
        le=3_600_000,
        description="Time to live a part of the past again, to explain or verify it; "
        "then the call is refused.",
    )
    nats_url: str = Field(
        "",
        pattern=rf"^({_NATS_SERVER}(,{_NATS_SERVER})*)?$",
        examples=["nats://127.0.0.1:4222"],
        description="The broker that every decision is published to: nats://HOST:PORT "
        "or tls://HOST:PORT, more of the cluster behind commas. Empty: none.",
    )
    nats_credentials: str = Field(
        "",
        examples=["/etc/nearturn/nats.creds"],
        description="A file of credentials for it. Empty: none.",
    )
    nats_stream: str = Field(
        "NEARTURN",
        pattern=r"^[A-Za-z0-9_-]{1,128}$",
        description="Its stream, which is made if it is missing.",
    )
    event_batch_max: int = Field(
        256, ge=1, le=4_096, description="Events published at once."
    )
    event_retry_max_ms: int = Field(
        30_000,
        ge=100,
        le=3_600_000,
        description="Longest pause before the broker is tried again.",
    )
    metrics_listen: str = Field(
        "",
        pattern=rf"^({_ADDRESS})?$",
        examples=["127.0.0.1:9464"],
        description="Host and port that metrics are scraped from, by plain HTTP. "
        "Empty: none.",
    )
    trace_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+:[0-9]{1,5})?$",
        examples=["http://127.0.0.1:4317"],
        description="Collector of OpenTelemetry that spans are sent to, by OTLP over "
        "gRPC. Empty: none.",
    )
    trace_percent: int = Field(
        100,
        ge=0,
        le=100,
        description="Share of the traces that begin here; a call that continues its "
        "caller's is recorded if the caller says so.",
    )
    lease_ttl_ms: int = Field(
        5_000,
        ge=500,
        le=600_000,
        description="How long an owner of shards may be silent before another server "
        "on the same store takes them over.",
    )
    drain_delay_ms: int = Field(
        0,
        ge=0,
        le=600_000,
        description="How long calls are still taken after health has turned "
        "NOT_SERVING: for load balancers to look elsewhere.",
    )
    shutdown_grace_s: int = Field(
        30, ge=0, le=3600, description="How long running calls may take at the end."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="One JSON object a line, or lines for people."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources; the first one that has a value wins."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """
    Read the settings.

    Parameters
    ----------
    file
        A TOML file, or ``None``.
    flags
        What the command line gave; ``None`` means not given.

    Returns
    -------
    Settings
        Checked and frozen.

    Raises
    ------
    InvalidValueError
        If the file does not exist or is no TOML, or with every setting that is
        unknown or out of range.
    """
    if file is not None and not file.is_file():
        raise InvalidValueError("config", str(file), "a TOML file that exists")
    given = {name: value for name, value in flags.items() if value is not None}

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return FromFile(**given)
    except ValidationError as error:
        raise InvalidValueError.of(_violations(error)) from error
    except ValueError as error:
        raise InvalidValueError("config", str(file), f"TOML: {error}") from error


def _accepted(error: ErrorDetails) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if name not in Settings.model_fields:
        return "a setting by its name; docs/CONFIGURATION.md lists them"
    field = Settings.model_fields[name]
    return f"{_values(field)}. {field.description}"


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(get_args(field.annotation))
    if field.annotation is bool:
        return "true or false"
    if field.annotation is int:
        low = next(each.ge for each in field.metadata if hasattr(each, "ge"))
        high = next(each.le for each in field.metadata if hasattr(each, "le"))
        return f"{low:,} to {high:,}"
    return f"text such as {(field.examples or [field.default])[0]}"


def _violations(error: ValidationError) -> list[FieldViolation]:
    return [
        FieldViolation(
            ".".join(str(part) for part in each["loc"]),
            # A password may stand before the @.
            re.sub(r"//.*@", "//", repr(each["input"]))[:80],
            _accepted(each),
        )
        for each in error.errors()
    ]
