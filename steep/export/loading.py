"""How to load what was exported, in the words of each kind's own program."""

from __future__ import annotations

from typing import Literal

Exported = Literal["adapter", "merged", "gguf"]

_TRANSFORMERS = """\
```python
{imports}from transformers import {names}

folder = "."  # this folder
model = {kind}.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
inputs = tokenizer("Question: ...\\nAnswer:", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=50)[0]))
```"""

_GGUF = """\
With Ollama, in this folder: `ollama create my-model -f Modelfile`, then `ollama run my-model`.

With llama-cpp-python:

```python
from pathlib import Path

from llama_cpp import Llama

model = Llama(str(next(Path(".").glob("*.gguf"))))  # this folder
print(model("Question: ...\\nAnswer:", max_tokens=50, stop=["\\nQuestion:"])["choices"][0]["text"])
```"""


_BASE_ELSEWHERE = """\
`adapter_config.json` names the base model, {base}, by its folder on the machine that trained the
adapter (`base_model_name_or_path`). Elsewhere, write there where that model is: a folder with the
same files (their fingerprint stands above), or its id on a hub. Then:

"""


def loading(kind: Exported, local_base: str | None = None) -> str:
    """Markdown: a snippet that loads the folder and asks it something.

    Args:
        local_base: what an adapter's base model is called (escaped), if it was a local folder.
    """
    if kind == "gguf":
        return _GGUF
    if kind == "adapter":
        peft = "AutoPeftModelForCausalLM"
        imports = f"from peft import {peft}\n"
        first = "" if local_base is None else _BASE_ELSEWHERE.format(base=local_base)
        return first + _TRANSFORMERS.format(imports=imports, names="AutoTokenizer", kind=peft)
    auto = "AutoModelForCausalLM"
    return _TRANSFORMERS.format(imports="", names=f"{auto}, AutoTokenizer", kind=auto)
