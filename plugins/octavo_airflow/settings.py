"""Octavo's settings inside Airflow: of the environment, and below it of the section ``[octavo]`` of Airflow's configuration."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from octavo.model.settings import Settings

SECTION = "octavo"
BY_ENVIRONMENT = frozenset({"limits", "lexicons"})


class AirflowSettings(Settings):
    """As ``Settings``; what ``OCTAVO_<FIELD>`` leaves open is taken from ``airflow.cfg`` or ``AIRFLOW__OCTAVO__<FIELD>``."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource, file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, AirflowConfiguration(settings_cls)


class AirflowConfiguration(EnvSettingsSource):
    """Airflow's configuration as a source of settings. Values are text, as in the environment, and parsed as there."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        from airflow.sdk import conf

        value = conf.get(SECTION, field_name, fallback=None)
        return value or None, field_name, self.field_is_complex(field)


def options() -> dict[str, dict[str, Any]]:
    """Every setting as an option of the section, as Airflow's ``provider_info.schema.json`` wants it.

    What the core reads for itself is set by the environment alone: limits, lexicons, and what is secret.
    """
    return {
        name: {"description": f"{field.description}.", "version_added": None, "type": _kind(field), "example": None, "default": None}
        for name, field in Settings.model_fields.items() if name not in BY_ENVIRONMENT
    }


def _kind(field: FieldInfo) -> str:
    """The type as Airflow names it; a mapping is given as JSON."""
    return {bool: "boolean", int: "integer", float: "float"}.get(field.annotation, "string")  # type: ignore[arg-type]
