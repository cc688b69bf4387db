/**
 * Builds page nodes from what a server says, and trusts none of it.
 *
 * The server's `html` is parsed into a document of its own, where no script runs and nothing
 * is fetched; then only the tags of an allow-list are made anew, with no attribute but an
 * absolute http(s) `href`. Nothing is ever assigned to `innerHTML`.
 */

/** The link, normalised, when it is an absolute http or https URL; else null. */
export function safeUrl(url: unknown): string | null {
  if (typeof url !== "string") return null;
  let parsed: URL;
  try {
    parsed = new URL(url.trim());
  } catch {
    return null;
  }
  return parsed.protocol === "http:" || parsed.protocol === "https:" ? parsed.href : null;
}

/** What becomes of a tag: made anew, left out with its content, or only its content kept. */
export type Fate = "keep" | "drop" | "unwrap";

const KEEP = new Set(["p", "br", "strong", "em", "ul", "ol", "li", "code", "pre", "a", "sup"]);
const ALIAS: Record<string, string> = { b: "strong", i: "em" };
/** Their text is no text for a reader: code, styles, forms, embedded pages and graphics. */
const DROP = new Set(
  ("script style template noscript iframe frame object embed svg math form input button select " +
    "textarea option title head meta link base audio video canvas img picture").split(" "),
);

export function fateOf(tag: string): { fate: Fate; as: string } {
  const name = tag.toLowerCase();
  const as = Object.hasOwn(ALIAS, name) ? ALIAS[name]! : name;
  if (KEEP.has(as)) return { fate: "keep", as };
  return { fate: DROP.has(name) ? "drop" : "unwrap", as };
}

/** Deeper nesting than this is an attack on the stack, not an answer. */
const MAX_DEPTH = 40;

/** Makes the node for a citation such as `[2]`, or null when there is no such source. */
export type CitationFactory = (n: number) => Node | null;

/** A safe fragment from hostile `html`; null when the page's policy forbids parsing. */
export function fragmentOf(html: string, cite: CitationFactory): DocumentFragment | null {
  const parsed = parse(html);
  if (!parsed) return null;
  const fragment = document.createDocumentFragment();
  copyChildren(parsed.body, fragment, cite, 0);
  return fragment;
}

/** Plain text as paragraphs, one for each line. */
export function paragraphsOf(text: string, cite: CitationFactory): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const line of text.split(/\n+/)) {
    const p = document.createElement("p");
    appendText(line, p, cite);
    fragment.append(p);
  }
  return fragment;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(html: string): string }): {
    createHTML(html: string): string;
  };
}

let policy: { createHTML(html: string): string } | undefined;
let forbidden = false;

function parse(html: string): Document | null {
  if (forbidden) return null;
  try {
    // A page that requires Trusted Types lets only a named policy near a parser. The name can
    // be refused, and then the plain text is shown.
    const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
    policy ??= types?.createPolicy("tandem-chat", { createHTML: (source) => source });
    return new DOMParser().parseFromString(policy?.createHTML(html) ?? html, "text/html");
  } catch {
    // Asking again would only be reported again.
    forbidden = true;
    return null;
  }
}

function copyChildren(from: Node, to: Node, cite: CitationFactory, depth: number): void {
  if (depth > MAX_DEPTH) return;
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      appendText(child.nodeValue ?? "", to, cite);
    } else if (child instanceof Element) {
      copyElement(child, to, cite, depth);
    }
  }
}

function copyElement(element: Element, to: Node, cite: CitationFactory, depth: number): void {
  const { fate, as } = fateOf(element.tagName);
  if (fate === "drop") return;
  const url = as === "a" ? safeUrl(element.getAttribute("href")) : null;
  if (fate === "unwrap" || (as === "a" && !url)) {
    copyChildren(element, to, cite, depth + 1);
    return;
  }
  const made = document.createElement(as);
  if (made instanceof HTMLAnchorElement && url) pointTo(made, url);
  const inert = as === "a" || as === "code" || as === "pre";
  copyChildren(element, made, inert ? () => null : cite, depth + 1);
  to.appendChild(made);
}

/** `url` must come from `safeUrl`. */
export function pointTo(anchor: HTMLAnchorElement, url: string): void {
  anchor.href = url;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer nofollow";
}

/** Cuts `text` at its citations: strings and source numbers in turn. */
export function splitCitations(text: string): (string | number)[] {
  const parts: (string | number)[] = [];
  let from = 0;
  for (const match of text.matchAll(/\[(\d{1,2})\]/g)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    parts.push(Number(match[1]));
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

function appendText(text: string, to: Node, cite: CitationFactory): void {
  let glued = "";
  const parts = splitCitations(text);
  parts.forEach((part, i) => {
    if (typeof part === "string") {
      to.appendChild(document.createTextNode(part.slice(glued.length)));
      glued = "";
      return;
    }
    const next = parts[i + 1];
    const made = cite(part) ?? document.createTextNode(`[${part}]`);
    glued = typeof next === "string" ? (/^[.,;:!?)»”]+/.exec(next)?.[0] ?? "") : "";
    to.appendChild(glued ? unbroken(made, glued) : made);
  });
}

/** A full stop must not stand alone at the beginning of a line, parted from its citation. */
function unbroken(node: Node, text: string): Node {
  const span = document.createElement("span");
  span.className = "unbroken";
  span.append(node, text);
  return span;
}
