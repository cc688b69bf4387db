"""What the gateway counts, for Prometheus. No label ever holds an id of a conversation."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ACCEPT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class GatewayMetrics:
    """The figures of one gateway process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.sockets = Gauge("tandem_gateway_sockets", "Open WebSockets.", registry=registry)
        self.streams = Gauge(
            "tandem_gateway_streams", "Open event streams (SSE).", registry=registry
        )
        self.consoles = Gauge(
            "tandem_gateway_consoles", "Open sockets of operators' consoles.", registry=registry
        )
        self.orders = Counter(
            "tandem_gateway_orders_total",
            "Operators' orders, by type and by what came of it: accepted, or the code of refusal.",
            ["type", "outcome"],
            registry=registry,
        )
        self.order_seconds = Histogram(
            "tandem_gateway_order_seconds",
            "From an order's arrival over a socket to its acknowledgement.",
            buckets=_ACCEPT_BUCKETS_S,
            registry=registry,
        )
        self.messages = Counter(
            "tandem_gateway_messages_total",
            "Messages accepted, first time or again.",
            registry=registry,
        )
        self.rejected = Counter(
            "tandem_gateway_rejected_total",
            "What was refused, by its code.",
            ["code"],
            registry=registry,
        )
        self.closed = Counter(
            "tandem_gateway_closed_total",
            "Sockets closed by us, by close code.",
            ["code"],
            registry=registry,
        )
        self.accept_seconds = Histogram(
            "tandem_gateway_accept_seconds",
            "From a message's arrival to its acknowledgement.",
            buckets=_ACCEPT_BUCKETS_S,
            registry=registry,
        )
        self.gaps = Counter(
            "tandem_gateway_gaps_total",
            "Live commits that were missed and read back.",
            registry=registry,
        )

    def exposition(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)
