"""Read models of conversations, a file each, with its queries."""
