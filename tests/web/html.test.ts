import assert from "node:assert/strict";
import { test } from "node:test";

import { fateOf, safeUrl, splitCitations } from "../../serve_apps/web/src/shared/html";
import { countChars, remedyFor, wireLocale } from "../../serve_apps/web/src/wire/protocol";
import { textsFor } from "../../serve_apps/web/src/widget/texts";

test("only absolute http and https addresses are links", () => {
  assert.equal(safeUrl("https://shop.example/a?b=1#c"), "https://shop.example/a?b=1#c");
  assert.equal(safeUrl(" http://shop.example "), "http://shop.example/");
  for (const url of [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://shop.example/1",
    "//shop.example",
    "/relative",
    "",
    undefined,
    null,
    {},
  ])
    assert.equal(safeUrl(url), null, String(url));
});

test("tags are kept by an allow-list alone", () => {
  const fates = (tags: string) => tags.split(" ").map((tag) => fateOf(tag).fate);
  assert.deepEqual(new Set(fates("p BR strong em ul ol li code pre a sup b i")), new Set(["keep"]));
  assert.deepEqual(new Set(fates("script STYLE iframe svg math form input template object")), new Set(["drop"]));
  assert.deepEqual(new Set(fates("div span table marquee constructor __proto__ x-y")), new Set(["unwrap"]));
});

test("citations are cut out of running text", () => {
  assert.deepEqual(splitCitations("Two years [1][2]. See [x] and [123]."), [
    "Two years ",
    1,
    2,
    ". See [x] and [123].",
  ]);
  assert.deepEqual(splitCitations(""), []);
});

test("characters are counted as the server counts them", () => {
  assert.equal(countChars("año 😀"), 5);
});

test("a code of the server's leads to one remedy", () => {
  assert.equal(remedyFor("wrong_key"), "stop");
  assert.equal(remedyFor("foreign_origin"), "stop");
  assert.equal(remedyFor("bad_token"), "forget");
  assert.equal(remedyFor("overloaded"), "wait");
});

test("a locale that the server would not take is not sent", () => {
  assert.equal(wireLocale("es_MX"), "es-MX");
  assert.equal(wireLocale("zh-Hant-TW"), "zh-Hant-TW");
  for (const odd of ["", "es MX", "español", "x".repeat(36), "en-"]) assert.equal(wireLocale(odd), "");
});

test("a locale with a region is understood, an unknown one is English", () => {
  assert.equal(textsFor("es-MX").language, "es");
  assert.equal(textsFor("ES_ar").language, "es");
  for (const locale of ["de", "", "__proto__", "constructor"]) assert.equal(textsFor(locale).language, "en");
});

test("both languages say everything", () => {
  const { texts: en } = textsFor("en");
  const { texts: es } = textsFor("es");
  for (const name of Object.keys(en) as (keyof typeof en)[]) {
    assert.equal(typeof es[name], typeof en[name]);
    if (typeof en[name] === "string") assert.notEqual(es[name], "", name);
  }
});
