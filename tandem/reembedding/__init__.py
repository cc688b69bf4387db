"""Another embedding space, filled while the one before answers: find, fill, check, switch."""
