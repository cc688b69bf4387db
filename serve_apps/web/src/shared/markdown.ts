/**
 * A model's Markdown as HTML of the few tags that a visitor's page shows: what
 * serve_apps/gateway/shared/safe_html.py makes of it for the constructs that models write. Raw HTML in the text
 * stays text. What comes out still goes through `html.ts`, which trusts nobody.
 */

const MAX_DEPTH = 8;

export function markdownToHtml(text: string): string {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0).join("\n");
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}(?:\s+(.*?))?(?:\s+#+)?\s*$/;
const UNDERLINE = /^ {0,3}(?:=+|-{2,})\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:( {1,4})(?=\S)|\s*$)/;
const INDENTED = /^(?: {4}|\t)/;

function blocks(lines: string[], depth: number): string[] {
  const made: string[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at]!;
    if (blank(line) || RULE.test(line)) {
      at += 1;
    } else if (FENCE.test(line)) {
      at = fenced(lines, at, made);
    } else if (HEADING.test(line)) {
      made.push(`<p><strong>${inline(HEADING.exec(line)![1] ?? "")}</strong></p>`);
      at += 1;
    } else if (depth < MAX_DEPTH && QUOTE.test(line)) {
      at = quoted(lines, at, made, depth);
    } else if (depth < MAX_DEPTH && ITEM.test(line)) {
      at = list(lines, at, made, depth);
    } else if (INDENTED.test(line)) {
      at = indented(lines, at, made);
    } else {
      at = paragraph(lines, at, made);
    }
  }
  return made;
}

function fenced(lines: string[], from: number, made: string[]): number {
  const fence = FENCE.exec(lines[from]!)![1]!;
  let to = from + 1;
  while (to < lines.length && !lines[to]!.trimStart().startsWith(fence)) to += 1;
  const code = lines.slice(from + 1, to).join("\n");
  made.push(`<pre><code>${escaped(code ? `${code}\n` : "")}</code></pre>`);
  return to + 1;
}

function indented(lines: string[], from: number, made: string[]): number {
  let to = from;
  while (to < lines.length && (INDENTED.test(lines[to]!) || blank(lines[to]!))) to += 1;
  const code = lines.slice(from, to).map((line) => line.replace(INDENTED, "")).join("\n");
  made.push(`<pre><code>${escaped(code.trimEnd())}</code></pre>`);
  return to;
}

/** A quotation's marks are not shown, its words are. */
function quoted(lines: string[], from: number, made: string[], depth: number): number {
  let to = from;
  while (to < lines.length && QUOTE.test(lines[to]!)) to += 1;
  made.push(...blocks(lines.slice(from, to).map((line) => line.replace(QUOTE, "")), depth + 1));
  return to;
}

function paragraph(lines: string[], from: number, made: string[]): number {
  let to = from + 1;
  while (to < lines.length && !blank(lines[to]!) && !startsBlock(lines[to]!)) {
    if (UNDERLINE.test(lines[to]!)) {
      made.push(`<p><strong>${inline(joined(lines.slice(from, to)))}</strong></p>`);
      return to + 1;
    }
    to += 1;
  }
  made.push(`<p>${inline(joined(lines.slice(from, to)))}</p>`);
  return to;
}

function startsBlock(line: string): boolean {
  if (UNDERLINE.test(line)) return false;
  return [FENCE, HEADING, RULE, QUOTE].some((start) => start.test(line)) || startsList(line);
}

/** A list that interrupts a paragraph has content, and starts at 1 where it counts. */
function startsList(line: string): boolean {
  const item = ITEM.exec(line);
  return !!item?.[3] && (/^[-*+]$/.test(item[2]!) || /^1[.)]$/.test(item[2]!));
}

function joined(lines: string[]): string {
  return lines.map(trimmed).join("\n");
}

function list(lines: string[], from: number, made: string[], depth: number): number {
  const first = ITEM.exec(lines[from]!)!;
  const kind = kindOf(first[2]!);
  const items: string[][] = [];
  let loose = false;
  let indent = 0;
  let at = from;
  for (; at < lines.length; at += 1) {
    const line = lines[at]!;
    const next = ITEM.exec(line);
    const blankBefore = at > from && blank(lines[at - 1]!);
    const inside = line.search(/\S/) >= indent && items.length > 0;
    if (next && !(inside && indent) && kindOf(next[2]!) === kind && !RULE.test(line)) {
      loose ||= blankBefore;
      indent = next[0].length;
      items.push([line.slice(indent)]);
    } else if (blank(line)) {
      items.at(-1)!.push("");
    } else if (inside) {
      // A paragraph of its own inside an item, but not a list inside it, makes the list loose.
      loose ||= blankBefore && !ITEM.test(line.slice(indent));
      items.at(-1)!.push(line.slice(indent));
    } else if (!blankBefore && !startsBlock(line) && !next) {
      items.at(-1)!.push(trimmed(line));
    } else {
      break;
    }
  }
  const shown = items.map((item) => `<li>${itemOf(item, loose, depth)}</li>`);
  const tag = kind === "numbers" ? "ol" : "ul";
  made.push(`<${tag}>\n${shown.join("\n")}\n</${tag}>`);
  return at;
}

/** Only these are space in Markdown; JavaScript's own `trim` takes more away. */
function trimmed(line: string): string {
  return line.replace(/^[ \t]+|[ \t]+$/g, "");
}

function blank(line: string): boolean {
  return trimmed(line) === "";
}

function kindOf(marker: string): string {
  return /\d/.test(marker) ? "numbers" : marker;
}

function itemOf(lines: string[], loose: boolean, depth: number): string {
  const inner = blocks(lines, depth + 1);
  if (loose) return `${inner.join("\n")}\n`;
  return inner.map((block) => block.replace(/^<p>([^]*)<\/p>$/, "$1")).join("");
}

/** In the order in which they are looked for; each takes its own text out of reach of the rest. */
const INLINE = new RegExp(
  [
    "\\\\([!-/:-@[-`{-~])", // 1: an escaped sign
    "(`+)((?:[^`]|(?!\\2)`)+)\\2", // 2, 3: code
    "!\\[[^\\]\\n]*\\]\\([^()\\s]*(?: [^()]*)?\\)()", // 4: a picture, which is not shown
    "\\[(?!\\d{1,3}\\])([^\\[\\]\\n]+)\\]\\(<?([^()\\s<>]*(?:\\([^()\\s]*\\)[^()\\s]*)?)>?(?:\\s+[\"'(][^\\n]*?[\"')])?\\)", // 5, 6: a link
    "<(https?:\\/\\/[^\\s<>]+)>", // 7: an address in brackets
    "(https?:\\/\\/[^\\s<>\"']*[^\\s<>\"'.,:;!?)\\]*_])", // 8: an address
    "\\*\\*\\*(?=\\S)([^\\n]+?)(?<=\\S)\\*\\*\\*", // 9
    "\\*\\*(?=\\S)([^]+?)(?<=\\S)\\*\\*", // 10
    "(?<!\\w)__(?=\\S)([^]+?)(?<=\\S)__(?!\\w)", // 11
    "\\*(?=[^\\s*])([^*]+?)(?<=\\S)\\*", // 12
    "(?<!\\w)_(?=[^\\s_])([^_]+?)(?<=\\S)_(?!\\w)", // 13
  ].join("|"),
  "gu",
);

function inline(text: string, depth = 0): string {
  if (depth > MAX_DEPTH) return escaped(text);
  let made = "";
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    made += breaks(text.slice(from, match.index)) + styled(match, depth + 1);
    from = match.index + match[0].length;
  }
  return made + breaks(text.slice(from));
}

function styled(match: RegExpExecArray, depth: number): string {
  const [, sign, , code, picture, label, target, bracketed, bare, both, stars, lines, star, line] =
    match;
  if (sign !== undefined) return escaped(sign);
  if (code !== undefined) return `<code>${escaped(code)}</code>`;
  if (picture !== undefined) return "";
  if (label !== undefined) return linked(target ?? "", inline(label, depth));
  const address = bracketed ?? bare;
  if (address !== undefined) return linked(address, escaped(address));
  if (both !== undefined) return `<em><strong>${inline(both, depth)}</strong></em>`;
  const strong = stars ?? lines;
  if (strong !== undefined) return `<strong>${inline(strong, depth)}</strong>`;
  return `<em>${inline(star ?? line ?? "", depth)}</em>`;
}

function linked(url: string, shown: string): string {
  return /^https?:\/\/[^/]/i.test(url) ? `<a href="${escaped(url)}">${shown}</a>` : shown;
}

function breaks(text: string): string {
  return escaped(text).replace(/ *\n/g, "<br>\n");
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
