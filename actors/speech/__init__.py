"""What is said, and whether it may be: language, small talk, sentences, and the guard. Pure."""
