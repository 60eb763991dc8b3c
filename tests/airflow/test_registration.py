"""The plugin and the provider: each is registered once, by its own road."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
    "policies": [hook.plugin_name for hook in settings.get_policy_plugin_manager().hook.task_instance_mutation_hook.get_hookimpls()],
    "asked": not settings.task_instance_mutation_hook.is_noop,
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
    env = {
        **os.environ, "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")), "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=False)
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


def test_airflow_asks_the_policy_about_new_task_instances(registered: dict[str, Any]) -> None:
    assert (registered["policies"].count("octavo"), registered["asked"]) == (1, True)


def test_no_file_of_the_package_is_executed_as_a_plugin(registered: dict[str, Any]) -> None:
    assert registered["top_level"] == []
    assert registered["twice"] == []
