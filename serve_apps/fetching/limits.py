"""What a fetch may cost. Times are seconds, sizes bytes."""

from __future__ import annotations

import msgspec


class FetchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults fit the open web. `private` allows addresses of one's own networks; those of
    a cloud's metadata are refused all the same."""

    private: bool = False
    body_bytes: int = 10 * 1024 * 1024
    """Of one answer, as it is sent and as it is unpacked."""
    connect_s: float = 10
    read_s: float = 20
    """The longest silence within an answer."""
    whole_s: float = 60
    """One page or one sitemap file, with robots.txt and all redirects."""
    redirects: int = 5

    robots_bytes: int = 512 * 1024
    """What is longer is read so far; the standard asks for 500 KiB at least."""
    robots_kept_s: float = 600
    crawl_delay_s: float = 10
    """A longer `Crawl-delay` counts as this."""

    sitemap_pages: int = 500
    sitemap_files: int = 50
    sitemap_depth: int = 2
    """How deep a sitemap index may lead to others."""
    links: int = 200
    """Taken of one page, when links are followed."""
