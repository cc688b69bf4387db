"""Live frames: pushed to whoever watches now, never history."""
