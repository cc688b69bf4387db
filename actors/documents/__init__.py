"""The life of a document: what is decided about it, and the worker that carries it through."""
