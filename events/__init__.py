"""What happened? The facts, and the log that keeps them."""
