"""The log on NATS JetStream: connection, streams, group commit, feeds."""
