"""The pods of a KubernetesExecutor, proven without a cluster: held against Kubernetes' own models, and built by the executor's code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.kube_config import KubeConfig
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient, V1ConfigMap, V1Pod
from ruamel.yaml import YAML

from octavo.extraction.vlm import RuntimeOptions
from octavo.model.settings import Settings
from octavo_airflow.operators import placement

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "kubernetes"
INSIDE = "/opt/octavo/kubernetes/"  # where the image has the folder


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


TASK, GPU, SETTINGS = (load(FOLDER / name) for name in ("pod_template.yaml", "gpu_pod_template.yaml", "settings.yaml"))
COMPOSE = load(ROOT / "docker-compose.yaml")["services"]


def understood(manifest: dict[str, Any], kind: type) -> Any:
    """What Kubernetes' model of ``kind`` keeps of a manifest: an unknown field is lost, a value of another type is changed."""
    client = ApiClient()
    model = client._ApiClient__deserialize(manifest, kind)  # type: ignore[attr-defined]
    return client.sanitize_for_serialization(model)


def built(config: dict[str, Any]) -> V1Pod:
    """The pod that the executor makes of a task with this ``executor_config``."""
    own = SETTINGS["data"]["AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE"]
    template = config.get("executor_config", {}).get("pod_template_file", own)
    return PodGenerator.construct_pod(
        dag_id="octavo_receipt", task_id="a_task", pod_id="octavo-receipt-1", try_number=1, kube_image=KubeConfig().kube_image, date=None,
        args=["python"], pod_override_object=None, namespace="default", scheduler_job_id="1",
        base_worker_pod=PodGenerator.deserialize_model_file(str(FOLDER / template.removeprefix(INSIDE))),
    )


@pytest.mark.parametrize(("manifest", "kind"), [
    pytest.param(TASK, V1Pod, id="pod_template.yaml"),
    pytest.param(GPU, V1Pod, id="gpu_pod_template.yaml"),
    pytest.param(SETTINGS, V1ConfigMap, id="settings.yaml"),
])
def test_a_manifest_has_no_field_and_no_type_that_kubernetes_does_not_know(manifest: dict[str, Any], kind: type) -> None:
    assert understood(manifest, kind) == manifest


def test_the_executor_gives_the_models_tasks_a_gpu_and_the_others_none() -> None:
    plain, gpu = built({}), built(placement(Settings(molmo_pod_template=SETTINGS["data"]["OCTAVO_MOLMO_POD_TEMPLATE"])))
    assert gpu.spec.containers[0].resources.limits["nvidia.com/gpu"] == "1"
    assert gpu.spec.node_selector == {"nvidia.com/gpu.present": "true"}
    assert [toleration.key for toleration in gpu.spec.tolerations] == ["nvidia.com/gpu"]
    assert "nvidia.com/gpu" not in {**plain.spec.containers[0].resources.limits, **(plain.spec.node_selector or {})}
    assert plain.spec.tolerations is None
    assert [pod.spec.containers[0].image for pod in (plain, gpu)] == [COMPOSE[name]["image"] for name in ("worker", "gpu-worker")]
    for pod in (plain, gpu):
        assert (len(pod.spec.containers), pod.spec.containers[0].name, pod.spec.containers[0].args) == (1, "base", ["python"])


@pytest.mark.parametrize(("pod", "service"), [pytest.param(TASK, "worker", id="default"), pytest.param(GPU, "gpu-worker", id="gpu")])
def test_a_pod_runs_as_the_container_of_the_compose_file_does(pod: dict[str, Any], service: str) -> None:
    same, spec = COMPOSE[service], pod["spec"]
    assert same["user"] == f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"
    assert same["cap_drop"] == spec["containers"][0]["securityContext"]["capabilities"]["drop"]
    assert same["stop_grace_period"] == f"{spec['terminationGracePeriodSeconds'] // 60}m"
    for variable in spec["containers"][0].get("env", []):
        assert same["environment"][variable["name"]] == variable["value"]
        if variable["value"].startswith("/"):
            assert variable["value"] in [mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]]


def test_the_gpu_pods_model_runs_on_a_card_or_not_at_all() -> None:
    assert {"name": "OCTAVO_MOLMO_DEVICE", "value": "cuda"} in GPU["spec"]["containers"][0]["env"]


def test_the_settings_are_those_of_the_compose_file_and_of_octavo() -> None:
    known = set(COMPOSE["worker"]["environment"]) | {
        *(f"OCTAVO_{field.upper()}" for field in Settings.model_fields),
        *(f"OCTAVO_MOLMO_{field.upper()}" for field in RuntimeOptions.model_fields),
    }
    own = {name for name in SETTINGS["data"] if not re.match("AIRFLOW__(LOGGING|KUBERNETES_EXECUTOR)__", name)}
    assert own <= known
    for name in ("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"):
        assert SETTINGS["data"][name] == COMPOSE["worker"]["environment"][name]
    named = [value for name, value in SETTINGS["data"].items() if name.endswith("POD_TEMPLATE_FILE") or name.endswith("POD_TEMPLATE")]
    assert sorted(f"{INSIDE}{path.name}" for path in FOLDER.glob("*pod_template.yaml")) == sorted(named)
    assert "COPY --chown=airflow:0 kubernetes ./kubernetes" in (ROOT / "Dockerfile").read_text()


def test_the_pods_take_their_variables_from_the_settings() -> None:
    for pod in (TASK, GPU):
        assert pod["spec"]["containers"][0]["envFrom"][0] == {"configMapRef": {"name": SETTINGS["metadata"]["name"]}}


def test_the_helm_values_have_the_keys_of_the_charts_schema_in_its_types() -> None:
    """The chart refuses other keys of `images`, and takes `extraEnvFrom` as a text; docs/helm.md has its schema."""
    values = load(FOLDER / "values.yaml")
    assert set(values) == {
        "executor", "airflowVersion", "images", "airflowLocalSettings", "extraEnvFrom", "apiSecretKey", "jwtSecret", "config",
    }
    assert set(values["images"]) == {"airflow"}
    assert set(values["images"]["airflow"]) <= {"repository", "tag", "digest", "pullPolicy"}
    assert values["executor"] == SETTINGS["data"]["AIRFLOW__CORE__EXECUTOR"]
    assert values["airflowVersion"] in (ROOT / "Dockerfile").read_text()
    sources = YAML(typ="safe").load(values["extraEnvFrom"])
    assert sources == TASK["spec"]["containers"][0]["envFrom"], "Airflow's own containers have what the tasks have"
    assert set(values["config"]["kubernetes_executor"].values()) == {""}, "one image would replace that of both templates"
