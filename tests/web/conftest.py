"""Fixtures of the pages' browser tests: Chromium, the built pages, the doubles of the servers."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from page_errors import listen
from patience import PATIENCE_MS

if TYPE_CHECKING:
    from console_double import ConsoleDouble
    from console_page import ConsolePage
    from knowledge_double import KnowledgeDouble
    from knowledge_page import KnowledgePage
    from playwright.async_api import Browser, BrowserContext
    from protocol_double import ProtocolDouble
    from replay_double import ReplayDouble
    from replay_page import ReplayPage
    from widget_page import WidgetPage

WEB = Path(__file__).resolve().parents[2] / "serve_apps" / "web"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser test that fails is run once more, and the run says so (`R` and `rerun`): Chromium
    drops a frame or a file now and then on a machine with other work. What fails twice is ours."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _missing(what: str) -> None:
    """Skip with the reason, or fail where a browser is promised (`TANDEM_REQUIRE_BROWSER=1`)."""
    if os.environ.get("TANDEM_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what}, and TANDEM_REQUIRE_BROWSER=1 forbids to skip")
    pytest.skip(what)


@pytest.fixture(scope="session")
def dist() -> Path:
    """The built pages: of `npm run build`, or of the folder that `TANDEM_WEB_DIST` names."""
    folder = Path(os.environ.get("TANDEM_WEB_DIST") or WEB / "dist")
    if not (folder / "widget.js").is_file():
        _missing("the pages are not built (`npm run build` in serve_apps/web)")
    return folder


@pytest.fixture(scope="session")
def axe_source() -> str:
    """axe-core as one script."""
    script = WEB / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        _missing("axe-core is not installed (`npm ci` in serve_apps/web)")
    return script.read_text()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One headless Chromium for the run: `TANDEM_CHROMIUM`, the system's, or playwright's own."""
    from playwright.async_api import Error, async_playwright, expect

    expect.set_options(timeout=PATIENCE_MS)

    found = os.environ.get("TANDEM_CHROMIUM") or next(
        (path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None
    )
    async with async_playwright() as playwright:
        try:
            launched = await playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        except Error as error:
            _missing(f"no Chromium was found that starts: {str(error).splitlines()[0]}")
            raise
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def double(dist: Path) -> AsyncIterator[ProtocolDouble]:
    """A fresh server; fails the test when the widget did not keep to the protocol."""
    from protocol_double import ProtocolDouble

    async with ProtocolDouble(dist).running() as server:
        yield server
        assert server.complaints == []


Visit = Callable[..., Awaitable["WidgetPage"]]


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, double: ProtocolDouble) -> AsyncIterator[Visit]:
    """Makes a visitor with a browser profile of their own; options are those of a context.

    Fails the test when a page broke its content security policy or wrote an error, but for
    errors that hold the text `expects`.
    """
    from widget_page import WidgetPage

    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    async def make(*, url: str = "", expects: str = "", **options: Any) -> WidgetPage:
        sizes = {"viewport": {"width": 1200, "height": 840}, "locale": "en-GB"}
        context = await browser.new_context(**(sizes | options))
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = await context.new_page()
        listen(page, wrong, expects)
        return WidgetPage(page, url or double.url)

    yield make
    for context in contexts:
        await context.close()
    assert wrong == []


@pytest_asyncio.fixture(loop_scope="session")
async def office(dist: Path) -> AsyncIterator[ConsoleDouble]:
    """A fresh server of the operator API; fails the test when a console did not keep to it."""
    from console_double import ConsoleDouble

    if not (dist / "console.js").is_file():
        _missing("the console is not built (`npm run build` in serve_apps/web)")
    async with ConsoleDouble(dist).running() as server:
        yield server
        assert server.complaints == []


Operator = Callable[..., Awaitable["ConsolePage"]]


@pytest_asyncio.fixture(loop_scope="session")
async def operator(browser: Browser, office: ConsoleDouble) -> AsyncIterator[Operator]:
    """Makes an operator at a console of their own, signed in as `email` (empty: not yet).

    Fails the test when a page broke its content security policy or wrote an error, but for
    refused calls, which the browser itself tells of, and errors that hold the text `expects`.
    """
    from console_accounts import ANA, PASSWORD
    from console_page import ConsolePage

    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    async def make(
        email: str = ANA.email, *, path: str = "/console", expects: str = "", **options: Any
    ) -> ConsolePage:
        sizes = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}
        context = await browser.new_context(**(sizes | options))
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = await context.new_page()
        listen(page, wrong, "Failed to load resource", expects)
        console = ConsolePage(page, office.url)
        if email:
            await console.open(email, PASSWORD, path=path)
        return console

    yield make
    for context in contexts:
        await context.close()
    assert wrong == []


@pytest_asyncio.fixture(loop_scope="session")
async def archive(dist: Path) -> AsyncIterator[ReplayDouble]:
    """A fresh server of histories; fails the test when the replay page did not keep to its API."""
    from replay_double import ReplayDouble

    if not (dist / "replay.js").is_file():
        _missing("the replay page is not built (`npm run build` in serve_apps/web)")
    async with ReplayDouble(dist).running() as server:
        yield server
        assert server.complaints == []


Replaying = Callable[..., Awaitable["ReplayPage"]]


@pytest_asyncio.fixture(loop_scope="session")
async def replaying(browser: Browser, archive: ReplayDouble) -> AsyncIterator[Replaying]:
    """Opens the replay page of a conversation (empty: of none), at a version.

    Fails the test when a page broke its content security policy or wrote an error, but for
    errors that hold the text `expects`.
    """
    from replay_page import ReplayPage

    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    async def make(
        conversation: str = "", *, version: int | None = None, expects: str = "", **options: Any
    ) -> ReplayPage:
        sizes = {"viewport": {"width": 1600, "height": 950}, "locale": "en-GB"}
        context = await browser.new_context(**(sizes | {"accept_downloads": True} | options))
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = await context.new_page()
        listen(page, wrong, expects)
        shown = ReplayPage(page, archive.url)
        await shown.open(conversation, version=version)
        return shown

    yield make
    for context in contexts:
        await context.close()
    assert wrong == []


@pytest_asyncio.fixture(loop_scope="session")
async def library(dist: Path) -> AsyncIterator[KnowledgeDouble]:
    """A fresh server of the knowledge API; fails the test when a page did not keep to it."""
    from knowledge_double import KnowledgeDouble

    if not (dist / "knowledge.js").is_file():
        _missing("the knowledge page is not built (`npm run build` in serve_apps/web)")
    async with KnowledgeDouble(dist).running() as server:
        yield server
        assert server.complaints == []


Reading = Callable[..., Awaitable["KnowledgePage"]]


@pytest_asyncio.fixture(loop_scope="session")
async def reading(browser: Browser, library: KnowledgeDouble) -> AsyncIterator[Reading]:
    """Opens the knowledge page for who signs in as `email`, at the address that `asked` makes.

    Fails the test when a page broke its content security policy or wrote an error, but for
    refused calls, which the browser itself tells of.
    """
    from console_accounts import ANA, PASSWORD
    from knowledge_page import KnowledgePage

    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    async def make(
        email: str = ANA.email, *, asked: dict[str, Any] | None = None, **options: Any
    ) -> KnowledgePage:
        sizes = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}
        context = await browser.new_context(**(sizes | {"accept_downloads": True} | options))
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = await context.new_page()
        listen(page, wrong, "Failed to load resource", "net::ERR_")
        shown = KnowledgePage(page, library.url)
        await shown.open(email, PASSWORD, **(asked or {}))
        return shown

    yield make
    for context in contexts:
        await context.close()
    assert wrong == []


Picture = Callable[["WidgetPage | ConsolePage | ReplayPage | KnowledgePage", str], Awaitable[None]]


@pytest.fixture
def picture() -> Picture:
    """Saves what is seen as `<name>.png` in the folder that `TANDEM_PICTURES` names, if it does."""
    folder = os.environ.get("TANDEM_PICTURES", "")

    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)

    async def take(shown: WidgetPage | ConsolePage | ReplayPage | KnowledgePage, name: str) -> None:
        if folder:
            await shown.page.screenshot(
                path=Path(folder) / f"{name}.png", animations="disabled", caret="hide"
            )

    return take
