"""Pages and sitemaps of other hosts, taken in without becoming their tool or ours against them.

limits    what a fetch may cost
refusal   why something was not fetched
addresses which hosts may be asked: checked after resolution, and connected to as checked
session   one host asked: redirects, sizes, time
robots    what the host lets robots have, and how fast
content   what came: kinds, links
sitemap   the addresses a sitemap names
fetcher   all of it together
"""

from serve_apps.fetching.content import Fetched
from serve_apps.fetching.fetcher import Fetcher, Room, fetch_page, fetch_sitemap
from serve_apps.fetching.limits import FetchLimits
from serve_apps.fetching.refusal import FetchRefused

__all__ = [
    "FetchLimits",
    "FetchRefused",
    "Fetched",
    "Fetcher",
    "Room",
    "fetch_page",
    "fetch_sitemap",
]
