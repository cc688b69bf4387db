/** Texts of strangers, as text: links only to the web, markup only through the allow-list. */

import { useLayoutEffect, useRef } from "preact/hooks";

import { fragmentOf, paragraphsOf, safeUrl } from "../shared/html";
import { memo } from "./memo";

const URLS = /https?:\/\/[^\s<>"'`()[\]{}]+/gi;
/** What ends a sentence belongs to it, not to the link. */
const TRAILING = /[.,;:!?…]+$/;

/** Plain text with its line ends and its links. */
export const Plain = memo(function Plain({ text, lang }: { text: string; lang?: string }) {
  return (
    <div class="words plain-words" dir="auto" {...(lang ? { lang } : {})}>
      <Linked text={text} />
    </div>
  );
});

export function Linked({ text }: { text: string }) {
  const parts: (string | { url: string; shown: string })[] = [];
  let from = 0;
  for (const match of text.matchAll(URLS)) {
    const shown = match[0].replace(TRAILING, "");
    const url = safeUrl(shown);
    if (!url) continue;
    parts.push(text.slice(from, match.index), { url, shown });
    from = match.index + shown.length;
  }
  parts.push(text.slice(from));
  return (
    <>
      {parts.map((part, i) =>
        typeof part === "string" ? part : <WebLink key={i} url={part.url} shown={part.shown} />,
      )}
    </>
  );
}

/** A link that goes nowhere but to the web; plain text when `url` is none. */
export function WebLink({ url, shown }: { url: string; shown: string }) {
  const safe = safeUrl(url);
  if (!safe) return <>{shown}</>;
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer nofollow">
      {shown}
    </a>
  );
}

function citation(n: number): Node {
  const mark = document.createElement("sup");
  mark.className = "cite";
  mark.textContent = String(n);
  return mark;
}

/** The AI's answer: its html through the allow-list, else its text; `[1]` becomes a raised 1. */
export const Rich = memo(function Rich(props: { text: string; html: string; lang?: string }) {
  const box = useRef<HTMLDivElement>(null);
  const { text, html, lang } = props;
  useLayoutEffect(() => {
    const made = html ? fragmentOf(html, citation) : null;
    box.current?.replaceChildren(made ?? paragraphsOf(text, citation));
  }, [text, html]);
  return <div ref={box} class="words rich-words" dir="auto" {...(lang ? { lang } : {})} />;
});
