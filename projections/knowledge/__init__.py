"""What does the company know? Documents become chunks, chunks become what a question finds."""
