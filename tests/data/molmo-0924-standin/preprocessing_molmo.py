"""A stand-in with the interface of the 2024 family's processor: ``process``, and an import that nothing uses."""

import numpy as np
import torch
from transformers import AutoTokenizer

PATCHES = 4


def resize(image, method="torch"):
    if method == "tensorflow":
        import tensorflow  # noqa: F401
    return image


class MolmoProcessor:
    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    @classmethod
    def from_pretrained(cls, folder, **kwargs):
        return cls(AutoTokenizer.from_pretrained(folder, trust_remote_code=kwargs.get("trust_remote_code", False)))

    @classmethod
    def register_for_auto_class(cls, auto_class="AutoProcessor"):
        pass

    def process(self, text=None, images=None, images_kwargs=None):
        """One crop per 200 px of width, each seen as its mean colour in four stripes."""
        pixels = np.asarray(resize(images[0]).convert("RGB"), dtype=np.float32) / 255
        crops = min(-(-pixels.shape[1] // 200), (images_kwargs or {}).get("max_crops", 12))
        tiles = np.array_split(pixels, crops, axis=1)
        seen = np.stack([[stripe.mean(axis=(0, 1)) for stripe in np.array_split(tile, PATCHES)] for tile in tiles])
        words = self.tokenizer(text)["input_ids"]
        picture = [self.tokenizer.convert_tokens_to_ids("<im_patch>")] * (crops * PATCHES)
        return {
            "input_ids": torch.tensor([self.tokenizer.bos_token_id, *picture, *words]),
            "images": torch.from_numpy(seen.astype(np.float32)),
            "image_masks": torch.ones(crops, PATCHES),
            "image_input_idx": 1 + torch.arange(crops * PATCHES).reshape(crops, PATCHES),
        }
