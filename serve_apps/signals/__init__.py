"""What a visitor's message calls for besides an answer: a person, calm, an action of ours."""
