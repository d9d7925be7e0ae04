from pathlib import Path

import pytest
from pydantic import ValidationError

from schema.settings import Settings, settings_table


def test_settings_come_from_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", "/srv/one")
    monkeypatch.setenv("HOLDFAST_LOG_LEVEL", "debug")
    monkeypatch.setenv("HOLDFAST_REQUIRE", "postgres, corpus")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/x")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "there:7233")
    monkeypatch.setenv("TEMPORAL_API_KEY", "k")

    settings = Settings()

    assert settings.database_file == Path("/srv/one/holdfast.db")
    assert settings.log_level == "DEBUG"
    assert settings.require == {"postgres", "corpus"}
    assert settings.database_url == "postgresql://db/x"
    assert settings.temporal_address == "there:7233"
    assert settings.temporal_environment["TEMPORAL_API_KEY"] == "k"


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")

    assert Settings().temporal_address is None


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Settings(), "home", Path("/elsewhere"))  # noqa: B010 - mypy forbids it as well


def test_a_wrong_value_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="log_format"):
        Settings.model_validate({"log_format": "xml"})


def test_keys_and_passwords_are_not_shown() -> None:
    settings = Settings(
        database_url="postgresql://u:secret@db/x",
        temporal_environment={"TEMPORAL_API_KEY": "secret"},
    )

    assert "secret" not in repr(settings)


def test_relative_and_linked_homes_are_one_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)

    assert Settings(home=Path("link")).home == Settings(home=Path("./real")).home


def test_table_describes_every_setting() -> None:
    rows = settings_table()

    assert {"HOLDFAST_HOME", "TEMPORAL_ADDRESS", "DATABASE_URL"} <= {row.variable for row in rows}
    assert all(row.description and row.default for row in rows)


def test_addresses_for_authors_are_read_as_a_list_and_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOLDFAST_ALLOWED_ADDRESSES", "api.internal, 10.0.0.0/8,")
    assert Settings().allowed_addresses == ("api.internal", "10.0.0.0/8")

    monkeypatch.setenv("HOLDFAST_ALLOWED_ADDRESSES", "10.0.0.0/33")
    with pytest.raises(ValidationError, match="neither a host nor a network"):
        Settings()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_proxies_are_read_by_their_usual_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://user:secret@proxy:3128")
    assert Settings().https_proxy == "http://user:secret@proxy:3128"
    assert "secret" not in repr(Settings())

    monkeypatch.setenv(name, "socks5://proxy:1080")
    with pytest.raises(ValidationError, match="a proxy is http"):
        Settings()
