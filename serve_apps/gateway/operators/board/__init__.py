"""What operators see: the queue, conversations they watch, who is there."""
