"""The other side of ``train.py``: LitGPT's own commands, run by a Python that has it (0.5.13).

A turn calls what ``litgpt finetune_lora``, ``litgpt pretrain`` or ``litgpt finetune_full`` call,
with its own model, loop and optimizer. Only the rows come from here, and with them the clock: a
step begins where the loop asks for its batch. When the counted steps are over the turn ends there,
before anything is saved.

    RIVAL_PYTHON bench/train_litgpt.py --folder FOLDER --convert
    RIVAL_PYTHON bench/train_litgpt.py --folder FOLDER --command finetune_lora --steps 4

FOLDER holds ``model/`` (a Llama as transformers writes it), ``rows.safetensors`` and
``inputs.json``; ``train.py`` makes it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import re
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from litgpt.args import EvalArgs, TrainArgs
from litgpt.config import Config
from litgpt.data import DataModule
from litgpt.scripts.convert_hf_checkpoint import copy_weights_hf_llama
from litgpt.utils import save_config
from safetensors.torch import load_file
from torch.utils.data import DataLoader
from train import roofline_rate

COMMANDS = ("finetune_lora", "finetune_full", "pretrain")
PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}  # weights stay fp32, as on the other sides
LEARNING_RATE = 3e-4
NEVER = 10**9


def main() -> None:
    """Convert the model, or take a turn and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--convert", action="store_true")
    parser.add_argument("--command", choices=COMMANDS)
    parser.add_argument("--steps", type=int, default=6, help="counted steps")
    parser.add_argument("--rows", type=int, default=2, help="rows a step")
    parser.add_argument("--lora-r", type=int, default=32)
    parser.add_argument("--precision", default="fp32", choices=sorted(PRECISION))
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    given = parser.parse_args()
    if given.convert:
        convert(given.folder / "model")
    else:
        print(json.dumps(take_turn(given)))


def convert(folder: Path) -> None:
    """Write ``lit_model.pth`` and ``model_config.yaml`` beside a transformers Llama's files."""
    said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rope = said.get("rope_parameters") or said
    plain = rope.get("rope_type", "default") == "default" and not said.get("rope_scaling")
    biased = said.get("attention_bias") or said.get("mlp_bias")
    if said["model_type"] != "llama" or said["hidden_act"] != "silu" or biased or not plain:
        raise SystemExit(f"{folder}: only a plain Llama is converted for LitGPT")
    config = Config(
        name="model",
        block_size=said["max_position_embeddings"],
        vocab_size=said["vocab_size"],
        padded_vocab_size=said["vocab_size"],
        n_layer=said["num_hidden_layers"],
        n_head=said["num_attention_heads"],
        n_query_groups=said["num_key_value_heads"],
        n_embd=said["hidden_size"],
        head_size=said.get("head_dim"),
        intermediate_size=said["intermediate_size"],
        norm_class_name="RMSNorm",
        norm_eps=said["rms_norm_eps"],
        mlp_class_name="LLaMAMLP",
        bias=False,
        parallel_residual=False,
        rotary_percentage=1.0,
        rope_base=int(rope["rope_theta"]),
    )
    weights: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights |= load_file(path)
    converted: dict[str, torch.Tensor] = {}
    copy_weights_hf_llama(config, {}, converted, weights)
    torch.save(converted, folder / "lit_model.pth")
    save_config(config, folder)


class Enough(Exception):
    """The counted steps are over."""


class Rows(DataModule):
    """The given rows in their order, and when each batch was asked for.

    Raises:
        Enough: from the loader, when the loop asks for the batch behind ``last``.
    """

    def __init__(self, rows: torch.Tensor, last: int, *, is_text: bool) -> None:
        super().__init__()
        self._rows, self._last, self._is_text = rows, last, is_text
        self._batch_size = 1
        self.asked: list[float] = []

    def connect(self, tokenizer: Any = None, batch_size: int = 1, *_: Any, **__: Any) -> None:
        """Learn from LitGPT how many rows a batch has."""
        self._batch_size = batch_size

    def train_dataloader(self) -> DataLoader[Any]:
        """All rows, once."""
        return self._loader(self._rows, self._timed)

    def val_dataloader(self) -> DataLoader[Any]:
        """One batch: LitGPT asks for it before training. Its shape is a step's."""
        return self._loader(self._rows[: self._batch_size], self._collate)

    def _loader(self, rows: torch.Tensor, collate: Any) -> DataLoader[Any]:
        dataset: Any = [{"input_ids": row} for row in rows]
        return DataLoader(dataset, self._batch_size, collate_fn=collate, drop_last=True)

    def _timed(self, samples: list[dict[str, torch.Tensor]]) -> Any:
        self.asked.append(time.monotonic())
        if len(self.asked) > self._last:
            raise Enough
        return self._collate(samples)

    def _collate(self, samples: list[dict[str, torch.Tensor]]) -> Any:
        """A batch as ``finetune`` wants it, or for ``pretrain``, which shifts by itself, as text.

        Text has one token more than a row; the last one is none that a loss counts.
        """
        rows = torch.stack([sample["input_ids"] for sample in samples])
        if self._is_text:
            return torch.nn.functional.pad(rows, (0, 1), value=-100)
        count = torch.full((len(rows), 1), rows.shape[1])
        counts = {"raw": count, "raw_plus_prompt_template": count}
        return {"input_ids": rows, "labels": rows, "token_counts": counts}


def take_turn(given: argparse.Namespace) -> dict[str, float]:
    """Train by one of LitGPT's commands until the counted steps are over."""
    rows = load_file(given.folder / "rows.safetensors")["rows"].long()
    parameters = json.loads((given.folder / "inputs.json").read_text())["parameters"]
    method = "lora" if given.command == "finetune_lora" else "full"
    roofline = roofline_rate(given.device, given.precision, method, parameters)
    data = Rows(rows, given.steps + 1, is_text=given.command == "pretrain")
    with tempfile.TemporaryDirectory() as out:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.suppress(Enough):
            _run(given, data, Path(out), rows.shape[1])
        if len(data.asked) != given.steps + 2:
            raise SystemExit(f"LitGPT asked for {len(data.asked)} batches, not {given.steps + 2}")
        peak = _peak_bytes()
        losses = _losses(Path(out))
    # The first step starts things, as on the other sides, and isn't counted.
    seconds = data.asked[-1] - data.asked[1]
    return {
        "tokens_per_second": given.steps * given.rows * rows.shape[1] / seconds,
        "peak_bytes": peak,
        "roofline": roofline,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "trainable": _trainable(said.getvalue()),
    }


def _run(given: argparse.Namespace, data: Rows, out: Path, length: int) -> None:
    """Call the command as LitGPT's own command line does."""
    checkpoint = given.folder / "model"
    steps = given.steps + 2
    train = {
        "save_interval": None,
        "global_batch_size": given.rows,
        "micro_batch_size": given.rows,
        "lr_warmup_steps": 1,
        "max_seq_length": length,
    }
    # AdamW as the Trainer has it. ``pretrain`` sets ``fused`` itself: only on a GPU.
    options = {"lr": LEARNING_RATE, "weight_decay": 0.0, "fused": True}
    common: dict[str, Any] = {
        "out_dir": out,
        "precision": PRECISION[given.precision],
        "devices": 1,
        "data": data,
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": options},
        "logger_name": "csv",
    }
    if given.command == "pretrain":
        from litgpt import pretrain

        said = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        config = Config.from_checkpoint(checkpoint)
        train |= {"max_tokens": steps * given.rows * length, "max_norm": 1.0}
        train |= {"tie_embeddings": bool(said.get("tie_word_embeddings"))}
        pretrain.setup(
            config.name,
            config,
            initial_checkpoint_dir=checkpoint,
            train=TrainArgs(**train),
            eval=EvalArgs(interval=NEVER, max_iters=1, final_validation=False),
            **common,
        )
        return
    train |= {"epochs": 1, "max_steps": steps}
    common |= {
        "train": TrainArgs(**train),
        "eval": EvalArgs(interval=NEVER, max_new_tokens=1, max_iters=1, final_validation=False),
    }
    if given.command == "finetune_full":
        from litgpt.finetune import full

        full.setup(checkpoint, **common)
        return
    from litgpt.finetune import lora

    places = ("query", "key", "value", "projection", "mlp")  # every linear module of a layer
    lora.setup(
        checkpoint,
        lora_r=given.lora_r,
        lora_alpha=2 * given.lora_r,
        lora_dropout=0.0,
        **{f"lora_{place}": True for place in places},
        **common,
    )


def _losses(out: Path) -> list[float]:
    """The loss of each step, from LitGPT's log."""
    (path,) = out.rglob("metrics.csv")
    with path.open(newline="", encoding="utf-8") as lines:
        return [float(line["loss"]) for line in csv.DictReader(lines) if line.get("loss")]


def _trainable(said: str) -> int:
    """How many parameters LitGPT says it trains; ``pretrain`` trains all it has."""
    found = re.search(r"(?:of trainable|Total) parameters: ([\d,]+)", said)
    if found is None:
        raise SystemExit("LitGPT doesn't say how many parameters it trains")
    return int(found[1].replace(",", ""))


def _peak_bytes() -> int:
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


if __name__ == "__main__":
    main()
