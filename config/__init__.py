"""What can be set? Settings, logging, Serve and LiteLLM files, demo content."""
