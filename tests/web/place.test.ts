/** Where a source stands, in the words of each side, and the address that leads there. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { chunkAddress, placeWords } from "../../serve_apps/web/src/shared/provenance";
import { addressAt, placeOf } from "../../serve_apps/web/src/widget/place";
import { textsFor } from "../../serve_apps/web/src/widget/texts";

test("a place is told in the visitor's language", () => {
  const [en, es] = ["en-GB", "es-MX"].map((locale) => textsFor(locale).texts.within);
  assert.equal(placeOf({ page: 3 }, en!), "page 3");
  assert.equal(placeOf({ page: 3 }, es!), "página 3");
  assert.equal(placeOf({ slide: 2 }, es!), "diapositiva 2");
  assert.equal(placeOf({ sheet: "Lámparas", row: 12 }, es!), "Lámparas, fila 12");
  assert.equal(placeOf({ row: 12 }, en!), "row 12");
});

test("a text without a place of its own has none told", () => {
  const { within } = textsFor("en").texts;
  for (const place of [undefined, null, {}, { page: 0, sheet: "", anchor: "" }])
    assert.equal(placeOf(place, within), "");
  assert.equal(placeOf({ anchor: "refunds" }, within), "");
  assert.equal(placeWords({ anchor: "refunds" }), "#refunds");
});

test("an address leads to the page or the anchor, unless it leads somewhere already", () => {
  const url = "https://casa-lumen.example/warranty.pdf";
  assert.equal(addressAt(url, { page: 3 }), `${url}#page=3`);
  assert.equal(addressAt(url, { anchor: "refunds" }), `${url}#refunds`);
  assert.equal(addressAt(`${url}#cover`, { page: 3 }), `${url}#cover`);
  assert.equal(addressAt(url, { row: 3 }), url);
  assert.equal(addressAt("javascript:alert(1)", { page: 3 }), null);
  assert.equal(addressAt("/warranty.pdf", null), null);
});

test("a chunk's address holds its id and nothing else of it", () => {
  assert.equal(chunkAddress("a&view=settings#x"), "/knowledge?chunk=a%26view%3Dsettings%23x");
});
