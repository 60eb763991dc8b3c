"""A stand-in with the interface and the habits of the 2024 family's remote code.

Tuples of keys and values as cache, ``generate_from_batch``, right padding with -1, a ``tie_weights`` without
arguments, no ``post_init``, and a call of a helper that transformers no longer has. With ``moe_num_experts`` each token goes
through its ``moe_top_k`` best experts, as in MolmoE.
"""

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .config_molmo import MolmoConfig


def mlp(width):
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))


class Experts(nn.Module):
    def __init__(self, width, count, top):
        super().__init__()
        self.top = top
        self.gate = nn.Linear(width, count, bias=False)
        self.experts = nn.ModuleList(mlp(width) for _ in range(count))

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])
        weights, chosen = self.gate(tokens).softmax(dim=-1).topk(self.top, dim=-1)
        mixed = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            place, rank = torch.where(chosen == number)
            mixed.index_add_(0, place, expert(tokens[place]) * weights[place, rank, None])
        return mixed.reshape(x.shape)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.norm = nn.LayerNorm(width)
        self.mixed = nn.Linear(width, 3 * width)
        self.out = Experts(width, config.moe_num_experts, config.moe_top_k) if config.moe_num_experts else mlp(width)

    def forward(self, x, mask, past):
        query, key, value = self.mixed(self.norm(x)).chunk(3, dim=-1)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=1), torch.cat([past[1], value], dim=1)
        scores = (query @ key.transpose(1, 2)) / query.shape[-1] ** 0.5
        return x + self.out(scores.masked_fill(~mask, -1e9).softmax(dim=-1) @ value), (key, value)


class MolmoForCausalLM(PreTrainedModel):
    config_class = MolmoConfig
    base_model_prefix = "model"

    def __init__(self, config, model=None, init_params=False):
        super().__init__(config)
        self.words = nn.Embedding(config.vocab_size, config.hidden_size)
        self.places = nn.Embedding(4096, config.hidden_size)
        self.eye = nn.Linear(3, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.head = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(
        self, input_ids, attention_mask=None, position_ids=None, past_key_values=None, use_cache=None, last_logits_only=None, images=None,
        image_masks=None, image_input_idx=None, append_last_valid_logits=None, **kwargs,
    ):
        x = self.words(input_ids.clamp(min=0)) + self.places(position_ids)
        if images is not None:
            row, crop, patch = torch.nonzero(image_input_idx >= 0, as_tuple=True)
            x = x.index_put((row, image_input_idx[row, crop, patch]), self.eye(images[row, crop, patch]), accumulate=True)
        before = past_key_values[0][0].shape[1] if past_key_values else 0
        total = before + x.shape[1]
        causal = torch.ones(x.shape[1], total, dtype=torch.bool, device=x.device).tril(before)
        mask = causal[None] & attention_mask[:, None, :total].bool()
        caches = []
        for number, block in enumerate(self.blocks):
            x, cache = block(x, mask, past_key_values[number] if past_key_values else None)
            caches.append(cache)
        if append_last_valid_logits is not None:
            x = x[torch.arange(len(x)), append_last_valid_logits][:, None]
        return CausalLMOutputWithPast(logits=self.head(x)[:, -1:], past_key_values=tuple(caches))

    def can_generate(self):
        return True

    def generate_from_batch(self, batch, generation_config=None, **kwargs):
        assert generation_config.use_cache
        ids = batch["input_ids"]
        mask = ids != -1
        positions = torch.clamp(torch.cumsum(mask.to(torch.int32), dim=-1) - 1, min=0)
        return super().generate(
            ids, generation_config, attention_mask=torch.cat([mask, mask.new_ones((len(ids), generation_config.max_new_tokens))], dim=1),
            images=batch["images"], image_masks=batch["image_masks"], image_input_idx=batch["image_input_idx"], position_ids=positions,
            append_last_valid_logits=mask.long().sum(dim=-1) - 1, **kwargs,
        )

    def prepare_inputs_for_generation(self, input_ids, past_key_values=None, **kwargs):
        if past_key_values:
            input_ids = input_ids[:, -1:]
        names = ("attention_mask", "position_ids")
        first = () if past_key_values else ("images", "image_masks", "image_input_idx", "append_last_valid_logits")
        inputs = {name: kwargs.get(name) for name in names + first}
        return {"input_ids": input_ids, "past_key_values": past_key_values, "use_cache": True, "last_logits_only": True, **inputs}

    def _update_model_kwargs_for_generation(self, outputs, model_kwargs, is_encoder_decoder=False, num_new_tokens=1):
        cache_name, cache = super()._extract_past_from_model_output(outputs)
        model_kwargs[cache_name] = cache
        return model_kwargs

    def tie_weights(self):
        pass
