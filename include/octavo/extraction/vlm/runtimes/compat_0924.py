"""Running the remote code of the Molmo-0924 family, written for transformers 4.43 to 4.48, on transformers 5.

Every adjustment is a method of ``compatible``'s class and says what changed. The remote code itself is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# An import of the remote code's image processor that only a dead branch uses.
_NOT_NEEDED = {"tensorflow"}
# Inputs of the first step only: later steps see the image through the cache.
_FIRST_STEP_ONLY = ("append_last_valid_logits", "images", "image_masks", "image_input_idx")


@contextmanager
def without_tensorflow() -> Iterator[None]:
    """transformers refuses remote code whose imports are missing, even those of branches that never run."""
    from transformers import dynamic_module_utils

    scan = dynamic_module_utils.get_imports
    dynamic_module_utils.get_imports = lambda file: [name for name in scan(file) if name not in _NOT_NEEDED]
    try:
        yield
    finally:
        dynamic_module_utils.get_imports = scan


def remote_class(model: str, revision: str) -> type[Any]:
    """The model class of a checkpoint's own code, made to run on this transformers.

    Args:
        model: hub name or local folder.
        revision: of the code and the weights; what is run is what was pinned.
    """
    from transformers import PretrainedConfig
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    config, _ = PretrainedConfig.get_config_dict(model, revision=revision)
    with without_tensorflow():
        return compatible(get_class_from_dynamic_module(config["auto_map"]["AutoModelForCausalLM"], model, revision=revision))


def compatible(remote: type[Any]) -> type[Any]:
    """A subclass of the remote model class that transformers 5 can load and generate with."""
    import torch
    from transformers import GenerationMixin

    class Molmo0924Model(remote, GenerationMixin):  # type: ignore[misc]  # PreTrainedModel no longer brings ``generate`` (4.50)
        """The remote model class, adjusted."""

        # The remote constructor never calls post_init(), which sets this (5.0).
        all_tied_weights_keys: dict[str, str] = {}  # noqa: RUF012  # transformers reads it from the class

        def tie_weights(self, *args: Any, **kwargs: Any) -> None:
            """transformers passes arguments that the remote method does not take (5.0); weights of this family are tied in ``forward``."""

        def _prepare_cache_for_generation(self, *args: Any, **kwargs: Any) -> None:
            """The remote code keeps tuples of keys and values, and wants none to begin with (4.45 made it a DynamicCache)."""

        def prepare_inputs_for_generation(self, input_ids: Any, past_key_values: Any = None, **kwargs: Any) -> Any:
            """transformers drops a mask of ones (5.0); the remote code then makes one of width 1."""
            if kwargs.get("attention_mask") is None:
                kwargs["attention_mask"] = torch.ones(input_ids.shape, dtype=torch.bool, device=input_ids.device)
            return super().prepare_inputs_for_generation(input_ids, past_key_values=past_key_values, **kwargs)

        def _update_model_kwargs_for_generation(
            self, outputs: Any, model_kwargs: dict[str, Any], is_encoder_decoder: bool = False, num_new_tokens: int = 1,
        ) -> dict[str, Any]:
            """The remote method calls one that is gone (``_extract_past_from_model_output``, 4.49)."""
            if model_kwargs.get("position_ids") is not None:
                model_kwargs["position_ids"] = model_kwargs["position_ids"][:, -1:] + 1
            for name in _FIRST_STEP_ONLY:
                model_kwargs.pop(name, None)
            model_kwargs["past_key_values"] = outputs.past_key_values
            return model_kwargs

        def generate_from_batch(self, batch: Any, generation_config: Any = None, **kwargs: Any) -> Any:
            """A GenerationConfig's fields are None until they are set (5.0); the remote code wants ``use_cache`` to be true."""
            if generation_config is not None and generation_config.use_cache is None:
                generation_config.use_cache = True
            return super().generate_from_batch(batch, generation_config, **kwargs)

    Molmo0924Model.__name__ = remote.__name__
    return Molmo0924Model
