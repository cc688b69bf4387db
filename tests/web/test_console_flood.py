"""Two hundred conversations that change ten times a second each, all at once."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from playwright.async_api import expect

from serve_apps.gateway.operators.board.board import shown
from serve_apps.gateway.operators.frames import RowChanged

pytestmark = pytest.mark.browser

ROWS, ROUNDS = 200, 30

COUNT = """() => {
  window.flood = { frames: 0, drawings: 0, moved: 0, tasks: [] };
  const tick = () => { window.flood.frames += 1; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  const rows = document.querySelector('.rows ul');
  new MutationObserver(() => { window.flood.drawings += 1; })
    .observe(rows, { subtree: true, characterData: true, childList: true });
  new MutationObserver(() => { window.flood.moved += 1; }).observe(rows, { childList: true });
  new PerformanceObserver(list => list.getEntries().forEach(
    task => window.flood.tasks.push(Math.round(task.duration)))).observe({ type: 'longtask' });
}"""


async def test_a_flood_of_changes_is_drawn_once_a_frame_and_ends_where_it_should(operator, office):
    for i in range(ROWS):
        office.world.write(f"c-{i}", "Message 0", ago_s=ROWS - i)
    console = await operator()
    await console.show("All")
    await expect(console.queue.locator("[data-row]")).to_have_count(ROWS)
    await console.page.evaluate(COUNT)
    rows = {i: shown(office.world.talks[f"c-{i}"].row) for i in range(ROWS)}
    for n in range(1, ROUNDS + 1):
        changed = [
            RowChanged(
                row=msgspec.structs.replace(
                    rows[i], version=1000 + n, last_text=f"Message {n}", unanswered=n
                )
            )
            for i in range(ROWS)
        ]
        await office.push_all(*changed)
        await asyncio.sleep(0.1)  # the pace of the flood, not a wait for anything
    last = console.queue.locator(".row-text", has_text=f"Message {ROUNDS}")
    await expect(last).to_have_count(ROWS)
    await expect(console.queue.locator(".badge.accent").first).to_contain_text(str(ROUNDS))
    counted = await console.page.evaluate("window.flood")
    print("flood:", json.dumps(counted | {"updates": ROWS * ROUNDS}))
    # 6,000 changes: a drawing is a batch of them, and there is at most one for a frame, and one
    # for each second that the ages tick.
    assert counted["drawings"] <= counted["frames"] + 10
    assert counted["drawings"] < ROWS * ROUNDS / 10
    assert counted["moved"] <= 2
