"""How Molmo is run: one environment variable each, or the fields of an Airflow connection, or options of the CLI."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from octavo.model.contracts import Contract
from octavo.model.errors import SettingsError
from octavo.model.tiling import MAX_TILES, SHARED_SIDE, TILE_SIDE

RuntimeName = Literal["molmo2", "molmo-0924", "openai"]
# Both families cut an image into overlapping tiles; a side within the overlap (2 x 4 patches of 14 px) makes one tile.
MIN_SIDE_PX = SHARED_SIDE


class RuntimeOptions(BaseSettings):
    """Which model answers, where it runs, and how much of it at once. ``OCTAVO_MOLMO_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="OCTAVO_MOLMO_", frozen=True, protected_namespaces=())

    runtime: RuntimeName = Field("molmo2", description="molmo2 and molmo-0924 run in this process, openai asks a server")
    model: str = Field(min_length=1, description="name on the Hugging Face hub, a local folder, or the server's name for it")
    revision: str | None = Field(None, description="commit or tag of the model; pins it")
    trust_remote_code: bool = Field(False, description="molmo-0924: run the code that comes with the model")

    device: str = Field("auto", description="cuda, cuda:1, cpu; auto: the first CUDA device, else the CPU")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field("auto", description="auto: bfloat16 on CUDA, float32 on a CPU")
    batch_size: int = Field(16, gt=0, description="most crops of one batch")
    batch_tokens: int = Field(32_768, gt=0, description="most tokens of one batch, prompts and answers together")
    constrain: bool = Field(True, description="hold answers to the contract's JSON schema while they are written")

    base_url: str | None = Field(None, description="openai: where the API is, for example http://vllm:8000/v1")
    api_key: SecretStr | None = Field(None, description="openai: the key")
    concurrency: int = Field(8, gt=0, description="openai: most requests at a time")
    timeout_seconds: float = Field(120, gt=0, description="openai: longest wait for one answer")
    patience_seconds: float = Field(300, gt=0, description="openai: how long an endpoint that fails is tried again")

    window_crops: int = Field(64, gt=0, description="crops in memory; batches are made of their like among these")
    rounds: int = Field(4, gt=0, le=6, description="most times that one chunk is asked about, in other ways")
    min_side_px: int | None = Field(None, ge=0, description="crops with a shorter side are filled up; 378, for molmo-0924 112")

    price_per_hour: float = Field(0, ge=0, description="of the device or server, any currency")
    price_per_million_prompt_tokens: float = Field(0, ge=0)
    price_per_million_completion_tokens: float = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> RuntimeOptions:
        if self.runtime == "openai" and not self.base_url:
            raise ValueError("runtime openai needs base_url (OCTAVO_MOLMO_BASE_URL or --base-url)")
        if self.runtime == "molmo-0924" and not (self.trust_remote_code and self.revision):
            raise ValueError("molmo-0924 runs code that comes with the model: set trust_remote_code, and revision to the commit you trust")
        return self

    @property
    def least_side_px(self) -> int:
        """The side up to which a crop is filled with background.

        Molmo2 stretches a shorter side to a tile's, at no other cost of tokens; the older family fills it up by itself.
        """
        if self.min_side_px is not None:
            return self.min_side_px
        return MIN_SIDE_PX if self.runtime == "molmo-0924" else TILE_SIDE

    def tiles(self, contract: Contract) -> int | None:
        """Most tiles of Molmo2's canvas under a contract; None for the family whose own processor shrinks properly."""
        return None if self.runtime == "molmo-0924" else contract.prompt.max_crops or contract.chunking.tiles or MAX_TILES

    def cost(self, seconds: float, prompt_tokens: int, completion_tokens: int) -> float:
        """What these seconds and tokens cost, in the currency of the prices."""
        tokens = prompt_tokens * self.price_per_million_prompt_tokens + completion_tokens * self.price_per_million_completion_tokens
        return round(seconds / 3600 * self.price_per_hour + tokens / 1e6, 8)


def configure(**given: Any) -> RuntimeOptions:
    """The options of the environment, with ``given`` over them where it is not None.

    Raises:
        SettingsError: they do not fit together; names each option and the remedy.
    """
    try:
        return RuntimeOptions(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'options'}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise SettingsError(f"Molmo's options (OCTAVO_MOLMO_*): {problems}") from error


def identity(options: RuntimeOptions | None) -> dict[str, Any]:
    """What of the options decides about answers, as JSON values; nothing without a model."""
    decisive = {"runtime", "model", "revision", "dtype", "constrain", "rounds"}
    return options.model_dump(mode="json", include=decisive) | {"min_side_px": options.least_side_px} if options else {}
