"""Writes a model that a llama.cpp server loads: llama's architecture, two layers, weights drawn from a fixed seed.

python tiny_gguf.py FILE

It talks nonsense, but always the same, and only in the words below: the rows of every other piece in the last matrix are
zero, so that a greedy choice never ends a reply early.
"""

import sys

import gguf
import numpy as np

WORDS = ("sheep", "flock", "wool", "meadow", "shepherd", "lamb", "fold", "bell", "grass", "hill", "dog", "gate")
CONTEXT, WIDTH, HEADS, LAYERS, INNER = 512, 64, 4, 2, 128
TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def vocabulary():
    """Pieces of a SentencePiece vocabulary with their scores and kinds."""
    kinds = gguf.TokenType
    yield "<unk>", 0.0, kinds.UNKNOWN
    yield "<s>", 0.0, kinds.CONTROL
    yield "</s>", 0.0, kinds.CONTROL
    for byte in range(256):
        yield f"<0x{byte:02X}>", 0.0, kinds.BYTE
    # A longer piece is merged from shorter ones, the better its score the sooner.
    pieces = [chr(code) for code in range(33, 127)] + ["\u2581"]
    for word in WORDS:
        pieces += [f"\u2581{word}"[:end] for end in range(2, len(word) + 2)]
    for rank, piece in enumerate(dict.fromkeys(pieces)):
        yield piece, -float(rank), kinds.NORMAL


def main(path):
    """Metadata, then tensors."""
    random = np.random.default_rng(20)

    def matrix(rows, columns):
        return (random.standard_normal((rows, columns)) / columns**0.5).astype(np.float32)

    ones = np.ones(WIDTH, dtype=np.float32)
    pieces, scores, kinds = zip(*vocabulary(), strict=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("flock-tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(pieces))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(pieces))
    writer.add_token_scores(list(scores))
    writer.add_token_types(list(kinds))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)

    speech = matrix(len(pieces), WIDTH)
    spoken = {f"\u2581{word}" for word in WORDS}
    speech[[piece not in spoken for piece in pieces]] = 0
    writer.add_tensor("token_embd.weight", matrix(len(pieces), WIDTH))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", speech)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix(WIDTH, WIDTH))
        writer.add_tensor(f"blk.{layer}.attn_norm.weight", ones)
        writer.add_tensor(f"blk.{layer}.ffn_norm.weight", ones)
        writer.add_tensor(f"blk.{layer}.ffn_gate.weight", matrix(INNER, WIDTH))
        writer.add_tensor(f"blk.{layer}.ffn_up.weight", matrix(INNER, WIDTH))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", matrix(WIDTH, INNER))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
