"""The plugin and the provider: each is registered once, by an entry point of the package."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import airflow
import pytest
from jsonschema import Draft7Validator

from octavo.model.settings import Settings
from octavo_airflow.provider import get_provider_info
from octavo_airflow.settings import BY_ENVIRONMENT, AirflowSettings

REPO = Path(__file__).resolve().parent.parent.parent
PROBE = """
import json, sys
from airflow import plugins_manager, settings
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.providers_manager import ProvidersManager
plugins, errors = plugins_manager._get_plugins()
views = [view["name"] for plugin in plugins for view in plugin.external_views]
apps = [app["name"] for plugin in plugins for app in plugin.fastapi_apps]
names = [str(plugin.name) for plugin in plugins]
print(json.dumps({
    "plugins": names, "errors": errors, "views": views, "apps": apps,
    "forms": [form.model_dump(mode="json") for form in HookMetaService.hook_meta_data() if "octavo" in form.connection_type],
    "policies": len(settings.get_policy_plugin_manager().hook.task_instance_mutation_hook.get_hookimpls()),
    "asked": not settings.task_instance_mutation_hook.is_noop,
    "info": ProvidersManager().providers["octavo"].data,
    "hook": ProvidersManager().hooks["octavo_molmo"].hook_class_name,
    "providers": [name for name in ProvidersManager().providers if "octavo" in name],
    "top_level": sorted(set(sys.modules) & {
        "base", "stages", "day", "pools", "app", "answers", "access", "writes", "starting", "provider", "assets", "hooks", "connection",
        "params",
    }),
    "twice": sorted(m for m in sys.modules if m.startswith("include")),
}))
"""


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("airflow")
    env = {
        **os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    # Not in the checkout: what a build leaves there would be a second distribution.
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=False, cwd=home)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_plugin_is_registered_once(registered: dict[str, Any]) -> None:
    assert registered["errors"] == {}
    assert registered["plugins"].count("octavo") == 1
    assert sorted(registered["views"]) == ["Contract", "Documents", "Documents", "Octavo"]
    assert registered["apps"].count("Octavo") == 1


def test_the_provider_is_registered_once(registered: dict[str, Any]) -> None:
    assert registered["providers"] == ["octavo"]


def test_the_connection_to_a_model_is_registered_once_and_has_a_form(registered: dict[str, Any]) -> None:
    assert registered["hook"] == "octavo_airflow.hooks.MolmoHook"
    form, = registered["forms"]
    assert (form["connection_type"], form["hook_name"]) == ("octavo_molmo", "Octavo: Molmo model")
    assert form["standard_fields"]["host"]["title"] == "Host or URL"
    assert form["standard_fields"]["password"]["title"] == "API key"
    assert form["standard_fields"]["login"]["hidden"] is True
    fields = form["extra_fields"]
    assert {"model", "runtime", "revision", "trust_remote_code", "concurrency", "price_per_hour"} <= set(fields)
    assert fields["runtime"]["schema"]["enum"] == [None, "openai", "molmo2", "molmo-0924"]


def test_airflow_asks_the_policy_of_the_plugins_folder_about_new_task_instances(registered: dict[str, Any]) -> None:
    assert (registered["policies"], registered["asked"]) == (1, True)


def test_importing_octavo_changes_nothing_about_airflow(tmp_path: Path) -> None:
    """Whoever has the package beside DAGs of their own gets no cluster policy by it."""
    (tmp_path / "airflow_local_settings.py").touch()  # in place of the checkout's, which an editable install puts on the path
    code = (
        "from airflow import settings; import octavo_airflow.policy, octavo_airflow.operators, octavo_airflow.plugin\n"
        "hooks = settings.get_policy_plugin_manager().hook.task_instance_mutation_hook.get_hookimpls()\n"
        "print(settings.task_instance_mutation_hook.is_noop, len(hooks))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.splitlines()[-1:] == ["True 0"], done.stderr
    declared = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert set(declared) == {"apache_airflow_provider", "airflow.plugins", "octavo.checks"}


def test_the_providers_metadata_follows_airflows_schema_and_names_what_there_is(registered: dict[str, Any]) -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text(encoding="utf-8"))
    Draft7Validator(schema).validate(get_provider_info())
    info = registered["info"]
    for part in ("operators", "hooks", "triggers"):
        for name in info[part][0]["python-modules"]:
            importlib.import_module(name)
    for name in (*info["extra-links"], *info["notifications"]):
        pkgutil.resolve_name(name)
    assert set(info["config"]["octavo"]["options"]) == set(Settings.model_fields) - BY_ENVIRONMENT


def test_airflows_configuration_sets_what_the_environment_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LAKE": "s3://a/lake", "PROCESSES": "3", "NOTIFIER_ARGS": '{"channel": "#docs"}', "LANDING": "/cfg"}.items():
        monkeypatch.setenv(f"AIRFLOW__OCTAVO__{name}", value)
    monkeypatch.setenv("OCTAVO_LANDING", "/environment")
    found = AirflowSettings()
    assert (found.lake, found.processes, found.notifier_args, found.landing) == ("s3://a/lake", 3, {"channel": "#docs"}, "/environment")
    assert found.late_days == Settings().late_days


def test_no_file_of_the_package_is_executed_as_a_plugin(registered: dict[str, Any]) -> None:
    assert registered["top_level"] == []
    assert registered["twice"] == []
