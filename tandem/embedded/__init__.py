"""The servers that `tandem up` starts on this machine when no outside ones are given."""
