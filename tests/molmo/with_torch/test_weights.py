"""Which weights are loaded at all: none whose format can run code, and none unnoticed that somebody else may replace."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import torch

from octavo.extraction.vlm import RuntimeOptions
from octavo.extraction.vlm.runtimes import identity
from octavo.extraction.vlm.runtimes.molmo2 import Molmo2
from octavo.model.errors import SettingsError

FIXTURE = Path(__file__).resolve().parents[2] / "data" / "molmo2-fixture" / "tiny-molmo2"


def test_weights_of_a_format_that_can_run_code_are_refused(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save({}, tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        _ = Molmo2(RuntimeOptions(model=str(tmp_path / "model"), runtime="molmo2", device="cpu")).model


@pytest.mark.parametrize(("revision", "warned"), [
    pytest.param(None, True, id="none"), pytest.param("main", True, id="a branch"), pytest.param("0" * 40, False, id="a commit"),
])
def test_a_model_that_is_not_pinned_is_warned_of(
    revision: str | None, warned: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **kwargs: "/cache/models/" + "1" * 40 + "/config.json")
    with caplog.at_level(logging.WARNING):
        identity.identify("somebody/model", revision)
    assert ("pin it" in caplog.text) is warned
