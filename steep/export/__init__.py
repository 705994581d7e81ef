"""Export: adapter, merged model, model card."""
