from transformers import PretrainedConfig


class MolmoConfig(PretrainedConfig):
    model_type = "molmo"

    def __init__(
        self, vocab_size=64, embedding_size=64, hidden_size=48, num_hidden_layers=2, use_position_ids=True, use_cache=True,
        moe_num_experts=0, moe_top_k=2, **kwargs,
    ):
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.use_position_ids = use_position_ids
        self.use_cache = use_cache
        self.moe_num_experts = moe_num_experts
        self.moe_top_k = moe_top_k
        super().__init__(**kwargs)
