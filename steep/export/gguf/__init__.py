"""GGUF: one file with weights, tokenizer and settings, which llama.cpp and Ollama run."""
