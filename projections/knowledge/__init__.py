"""Documents to chunks to vectors: the knowledge index is a projection too."""
