"""Settings from flags, environment and file."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.config import load_settings


def test_flags_win_over_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each source has one setting that only the next stronger one overrides."""
    file = tmp_path / "nearturn.toml"
    file.write_text('solver_threads = 3\nlog_level = "error"\ntenants = ["of-file"]\n')
    monkeypatch.setenv("NEARTURN_LOG_LEVEL", "warning")
    monkeypatch.setenv("NEARTURN_TENANTS", "of-environment")
    settings = load_settings(file, tenants="of-flag,too", listen=None)
    assert settings.solver_threads == 3
    assert settings.log_level == "warning"
    assert settings.tenants == ("of-flag", "too")
    assert settings.listen == "127.0.0.1:50551"


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("solver_threads", 0, "1 to 256. Threads"),
        ("solver_threads", "many", "1 to 256. Threads"),
        ("queue_count_max", -1, "1 to 1,000,000. Writes"),
        ("message_bytes_max", 10**12, "1,024 to 268,435,456. Size"),
        ("run_timers", "maybe", "true or false. Close"),
        ("log_level", "loud", "debug, info, warning, error. Least"),
        ("listen", "no-port", "text such as 127.0.0.1:50551. Host and port"),
        ("tenants", "", "text such as brand-a,brand-b. The tenants"),
        ("tenants", "a,a", "text such as brand-a,brand-b. The tenants"),
        ("tenants", "a,\0", "text such as brand-a,brand-b. The tenants"),
        ("tenants", 7, "text such as brand-a,brand-b. The tenants"),
        ("nats_url", "http://broker", "text such as nats://127.0.0.1:4222. The broker"),
        ("nats_url", "nats://a:1, nats://b:1", "text such as nats://127.0.0.1:4222."),
        ("nats_stream", "a.b", "text such as NEARTURN. Its stream"),
        ("colour", "red", "a setting by its name"),
    ],
)
def test_a_bad_value_names_setting_value_and_what_is_accepted(
    name: str, value: object, accepted: str
) -> None:
    """The error says which setting, what it got, its range and what it is for."""
    with pytest.raises(InvalidValueError) as caught:
        load_settings(**{name: value})
    (violation,) = caught.value.violations
    assert violation.field == name
    assert repr(value) in violation.value
    assert violation.accepted.startswith(accepted)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """An unknown setting and one out of range come in one error."""
    file = tmp_path / "nearturn.toml"
    file.write_text("solver_thread = 1\nqueue_count_max = 0\n")
    with pytest.raises(InvalidValueError) as caught:
        load_settings(file)
    names = sorted(violation.field for violation in caught.value.violations)
    assert names == ["queue_count_max", "solver_thread"]


@pytest.mark.parametrize("content", [None, "= 3"])
def test_a_file_that_is_missing_or_no_toml_is_refused(
    content: str | None, tmp_path: Path
) -> None:
    """A mistyped path must not start a server with defaults."""
    file = tmp_path / "nearturn.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidValueError, match="config"):
        load_settings(file)


def test_a_password_in_an_address_is_not_told() -> None:
    """A mistyped address of the broker is named without what stands before the @."""
    with pytest.raises(InvalidValueError) as caught:
        load_settings(nats_url="nats://us:se,c@/ret@a,nats://us:secret@b,c")
    (violation,) = caught.value.violations
    assert violation.value == "'nats://b,c'"
