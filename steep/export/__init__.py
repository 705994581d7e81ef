"""Export: adapter, merged model, GGUF, model card."""
