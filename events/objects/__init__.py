"""The object store: original documents and what is made of them."""
