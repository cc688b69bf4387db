"""The gateway: sessions, the wire protocol, live delivery."""
