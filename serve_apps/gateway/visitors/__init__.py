"""The visitors' ways in: WebSocket, HTTP, server-sent events."""
