/**
 * The look, as one constructed style sheet: a page's `style-src` has no say over it, and it
 * shares nothing with the page. A page may set `--tandem-accent`, `--tandem-on-accent` and `--tandem-link`, and
 * for dark screens `--tandem-accent-dark` and `--tandem-link-dark`.
 */

const CSS = `
:host {
  all: initial;
  --accent: var(--tandem-accent, #3451d1);
  --on-accent: var(--tandem-on-accent, #fff);
  --ink: #1b1f2a; --soft: #5a6172; --faint: #eef0f4; --line: #dfe3ea; --paper: #fff;
  --theirs: #f1f3f7; --bad: #b3261e; --bad-paper: #fdecea; --warn: #6b4a00; --warn-paper: #fff4d9;
  --link: var(--tandem-link, #2743b8); --shadow: 0 12px 40px rgb(16 24 48 / .18), 0 2px 8px rgb(16 24 48 / .1);
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :host {
    --accent: var(--tandem-accent-dark, var(--tandem-accent, #4a67e3));
    --ink: #eceef4; --soft: #a5acbd; --faint: #2a2f3a; --line: #383e4b; --paper: #1a1d25;
    --theirs: #282d38; --bad: #ffb4ab; --bad-paper: #3f1f1d; --warn: #ffd98a; --warn-paper: #3a2f14;
    --link: var(--tandem-link-dark, #a9baff); --shadow: 0 12px 40px rgb(0 0 0 / .55), 0 2px 8px rgb(0 0 0 / .4);
  }
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.root {
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  color: var(--ink); -webkit-text-size-adjust: 100%; text-align: start;
}
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
button:disabled { cursor: default; }
p, ul, ol, blockquote, pre { margin: 0; padding: 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.panel:focus { outline: none; }
.icon { width: 20px; height: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8;
  stroke-linecap: round; stroke-linejoin: round; }
.icon-more { stroke-width: 3; }

.launcher {
  position: fixed; z-index: 2147483000;
  inset-block-end: calc(20px + env(safe-area-inset-bottom)); inset-inline-end: calc(20px + env(safe-area-inset-right));
  width: 56px; height: 56px; border-radius: 50%; display: grid; place-items: center;
  background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow); transition: transform .15s;
}
.launcher:hover { transform: scale(1.05); }
.launcher .icon { width: 26px; height: 26px; grid-area: 1 / 1; transition: opacity .15s, transform .15s; }
.launcher .icon-down, .open .launcher .icon-chat { opacity: 0; transform: rotate(-30deg) scale(.6); }
.open .launcher .icon-down { opacity: 1; transform: none; }
.badge { position: absolute; inset-block-start: -3px; inset-inline-end: -3px; min-width: 20px; height: 20px; padding: 0 6px;
  border-radius: 10px; background: #c62828; color: #fff; font-size: 12px; font-weight: 600; line-height: 20px; text-align: center; }
.badge:empty { display: none; }

.panel {
  position: fixed; z-index: 2147483000; display: flex; flex-direction: column; overflow: hidden;
  inset-block-end: calc(92px + env(safe-area-inset-bottom)); inset-inline-end: calc(20px + env(safe-area-inset-right));
  width: 392px; height: min(680px, calc(100dvh - 116px)); min-height: 260px;
  background: var(--paper); border-radius: 18px; box-shadow: var(--shadow); animation: rise .18s ease-out;
}
/* The page reads from right to left: so its outer corner is the other one. */
.mirrored > .launcher, .mirrored > .panel { inset-inline: calc(20px + env(safe-area-inset-left)) auto; }
@keyframes rise { from { opacity: 0; transform: translateY(12px); } }
.header { position: relative; flex: none; display: flex; align-items: center; gap: 4px; padding: 14px 12px 14px 16px;
  border-bottom: 1px solid var(--line); }
.avatar { flex: none; width: 38px; height: 38px; border-radius: 12px; display: grid; place-items: center;
  background: var(--accent); color: var(--on-accent); font-weight: 600; font-size: 17px; }
.who { flex: 1; min-width: 0; padding-inline: 8px 4px; }
.title, .subtitle { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.title { font-weight: 650; font-size: 16px; line-height: 1.3; }
.subtitle { color: var(--soft); font-size: 13px; line-height: 1.35; }
.round { width: 40px; height: 40px; border-radius: 12px; display: grid; place-items: center; color: var(--soft); }
@media (hover: hover) { .round:hover, .choice:hover:enabled { background: var(--faint); color: var(--ink); } }
.menu { position: absolute; z-index: 1; inset-block-start: calc(100% - 8px); inset-inline-end: 12px; min-width: 230px; padding: 6px;
  background: var(--paper); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); }
.choice { display: flex; align-items: center; gap: 10px; width: 100%; min-height: 44px; padding: 8px 10px; border-radius: 9px; text-align: start; }
.choice:disabled { color: var(--soft); }
.banner { flex: none; padding: 8px 16px; font-size: 13px; background: var(--warn-paper); color: var(--warn); }
.banner:empty { display: none; }
.banner[data-status=connecting] { background: var(--faint); color: var(--soft); animation: wait 1s step-end; }
@keyframes wait { from { visibility: hidden; } }
.banner[data-status=refused] { background: var(--bad-paper); color: var(--bad); }
.inline { margin-inline-start: 8px; min-height: 24px; font-weight: 600; text-decoration: underline; text-underline-offset: 2px; }

.scroller { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 10px; scrollbar-width: thin;
  scrollbar-color: var(--line) transparent; }
.scroller:focus-visible { outline-offset: -3px; border-radius: 4px; }
.message { display: flex; flex-direction: column; align-items: flex-start; margin-bottom: 14px; }
.message + .message.visitor, .visitor + .visitor { margin-top: 0; }
.visitor { align-items: flex-end; }
.visitor:has(+ .visitor) { margin-bottom: 5px; }
.bubble { max-width: 86%; padding: 10px 14px; border-radius: 18px; background: var(--theirs); overflow-wrap: anywhere; }
.assistant .bubble, .operator .bubble { border-end-start-radius: 6px; }
.visitor .bubble { background: var(--accent); color: var(--on-accent); border-end-end-radius: 6px; }
.words > * + * { margin-top: 8px; }
.bubble :is(ul, ol) { padding-inline-start: 20px; }
.bubble li + li { margin-top: 3px; }
.bubble a { color: var(--link); text-underline-offset: 2px; }
.bubble code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; background: var(--faint); border-radius: 5px; padding: 1px 4px; }
.bubble pre { overflow-x: auto; max-width: 100%; padding: 8px 10px; background: var(--faint); border-radius: 8px; }
.bubble pre code { padding: 0; }
/* What waits is pale, but only once it has waited long enough to be seen. */
.queued .bubble, .resting .bubble { animation: pale .2s .4s forwards; }
@keyframes pale { to { background: var(--faint); color: var(--ink); } }
.failed .bubble { background: var(--bad-paper); color: var(--bad); }
.meta { display: none; margin-top: 4px; padding-inline: 6px; font-size: 12px; color: var(--soft); }
.message:last-child > .meta, :is(.queued, .flying, .resting, .accepted, .failed) > .meta { display: block; }
.failed > .meta { color: var(--bad); }
.name { font-size: 12px; color: var(--soft); padding-inline: 6px; margin-bottom: 3px; }
.name, .notice { overflow-wrap: anywhere; }
.notice { margin: 4px auto 16px; max-width: 90%; text-align: center; font-size: 13px; color: var(--soft); white-space: pre-line; text-wrap: balance; }
.end { max-width: none; margin-top: 18px; padding-top: 14px; border-top: 1px solid var(--line); }
.waiting { width: fit-content; margin: 0 auto 16px; padding: 5px 14px; border-radius: 16px; background: var(--faint); text-align: center; font-size: 13px; }
.waiting:empty { display: none; }
.waiting::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-inline-end: 8px; border-radius: 50%; background: var(--link);
  animation: beat 2s infinite; }
@keyframes beat { 50% { opacity: .3; } }
.waiting[data-wish=asked] { animation: wait .4s step-end; }
.bad { padding: 9px 14px; border-radius: 12px; background: var(--bad-paper); color: var(--bad); }

.unbroken { white-space: nowrap; }
.cite { min-width: 18px; height: 18px; margin-inline: 2px 1px; padding: 0 5px; border-radius: 9px; background: var(--paper); color: var(--link);
  font-size: 11px; font-weight: 650; line-height: 18px; vertical-align: 2px; }
.cite:hover { background: var(--link); color: var(--paper); }
.sources { width: 86%; }
.chips, .suggestions { list-style: none; display: flex; flex-wrap: wrap; gap: 6px; margin-top: 8px; }
.chip { display: flex; align-items: center; gap: 6px; max-width: 210px; min-height: 30px; padding: 3px 11px 3px 4px; border: 1px solid var(--line);
  border-radius: 15px; font-size: 13px; color: var(--soft); }
.chip:hover, .chip[aria-expanded=true] { border-color: var(--link); color: var(--ink); }
.number { flex: none; min-width: 21px; height: 21px; border-radius: 11px; background: var(--faint); color: var(--link); font-size: 12px;
  font-weight: 650; line-height: 21px; text-align: center; }
.chip-title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chip-place { flex: none; max-width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chip-place::before { content: "· "; }
.card { margin-top: 8px; padding: 12px 14px; border: 1px solid var(--line); border-radius: 14px; font-size: 14px; animation: rise .15s ease-out; }
.card-title { font-weight: 600; }
.card-place { color: var(--soft); }
.card blockquote { max-height: 190px; overflow: auto; margin-top: 6px; padding-inline-start: 11px; border-inline-start: 3px solid var(--line);
  color: var(--soft); white-space: pre-line; overflow-wrap: anywhere; }
.card a { display: inline-flex; align-items: center; gap: 4px; margin-top: 9px; color: var(--link); font-weight: 550; text-underline-offset: 2px; }
.card a .icon { width: 15px; height: 15px; }

.cursor { display: inline-block; width: 2px; height: 1.1em; margin-inline-start: 2px; vertical-align: -.18em; background: var(--link); animation: blink 1s step-end infinite; }
.streaming { white-space: pre-line; }
@keyframes blink { 50% { opacity: 0; } }
.dots { display: flex; gap: 5px; padding: 15px 16px; }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--soft); animation: dot 1.2s infinite; }
.dots i:nth-child(2) { animation-delay: .15s; }
.dots i:nth-child(3) { animation-delay: .3s; }
@keyframes dot { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; transform: translateY(-3px); } }

.afterword { display: flex; flex-wrap: wrap; gap: 8px; }
.pill { display: inline-flex; align-items: center; gap: 8px; min-height: 38px; padding: 7px 14px; border: 1px solid var(--line); border-radius: 19px;
  color: var(--link); font-size: 14px; font-weight: 550; line-height: 1.35; text-align: start; }
.pill:hover { border-color: var(--link); background: var(--faint); }
.pill .icon { width: 17px; height: 17px; }
.suggestions { margin-top: 12px; gap: 8px; }
.rating { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 8px; color: var(--soft); font-size: 13px; }
.stars { display: flex; }
.star-button { width: 30px; height: 32px; display: grid; place-items: center; }
.star-button .icon { width: 19px; height: 19px; }
.stars:not(:hover) .filled .icon, .stars .star-button:hover .icon, .stars .star-button:has(~ .star-button:hover) .icon { fill: #e0a100; stroke: #b07d00; }

.composer { flex: none; padding: 8px 12px calc(12px + env(safe-area-inset-bottom)); }
.counter { padding: 0 6px 5px; font-size: 12px; color: var(--soft); text-align: end; }
.counter:empty { display: none; }
.counter.over { color: var(--bad); font-weight: 600; }
.field { display: flex; align-items: flex-end; gap: 6px; padding: 5px 5px 5px 14px; border: 1px solid var(--line); border-radius: 22px; }
.field:focus-within { border-color: var(--link); box-shadow: 0 0 0 1px var(--link); }
.grow { flex: 1; display: grid; min-width: 0; max-height: 132px; overflow-y: auto; }
.grow::after { content: attr(data-text) " "; visibility: hidden; }
.grow::after, textarea { grid-area: 1 / 1; font: inherit; font-size: 16px; line-height: 22px; padding: 7px 0; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0; }
textarea { resize: none; overflow: hidden; border: 0; outline: 0; background: none; color: var(--ink); }
textarea::placeholder { color: var(--soft); opacity: 1; }
.send { flex: none; width: 36px; height: 36px; border-radius: 50%; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); }
.send:disabled { background: var(--faint); color: var(--soft); }

@media (max-width: 480px) {
  .root > .panel { inset: var(--top, 0px) 0 auto; width: auto; height: var(--height, 100dvh); min-height: 0; border-radius: 0; }
  .header { padding-top: calc(12px + env(safe-area-inset-top)); }
  .open .launcher { display: none; }
  .round { width: 44px; height: 44px; }
  .chip { min-height: 36px; border-radius: 18px; }
  .star-button { width: 38px; height: 40px; }
}
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation-duration: .01ms !important; animation-iteration-count: 1 !important; transition: none !important; }
}
@media (forced-colors: active) {
  .panel, .bubble, .launcher, .send { border: 1px solid; }
  .cursor, .dots i, .waiting::before { background: CanvasText; }
}
`;

let made: CSSStyleSheet | undefined;

/** The one sheet, shared by every chat on the page. */
export function sheet(): CSSStyleSheet {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(CSS);
  }
  return made;
}
