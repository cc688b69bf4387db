"""Who writes an answer? Extractive by default, a LiteLLM model when one is set."""
