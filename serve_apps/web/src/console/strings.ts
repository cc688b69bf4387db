/**
 * Every word of the console. A second language is a second object of the same shape; what comes
 * from the server (names, texts, details of refusals) is never translated here.
 */

import type { DraftVoidReason, HandoffReason } from "../wire/facts";
import type { ModeLine } from "../shared/lines";
import type { Row } from "../wire/operator_protocol";
import { needsPerson } from "./board";

const REASONS: Record<HandoffReason, string> = {
  visitor_asked: "Asked for a person",
  visitor_words: "Said they want a person",
  distress: "Upset or distressed",
  low_confidence: "The AI was not sure",
  guard: "The AI’s answer was held back",
  unanswered_turns: "The AI had no answer",
  authority: "Needs a person’s authority",
  operator_choice: "Passed on by a colleague",
  lease_lapsed: "The colleague is away",
};

const REFUSALS: Record<string, string> = {
  not_owner: "Not done: somebody else has this conversation now.",
  stale_epoch: "Not done: the conversation changed hands meanwhile. Look again and retry.",
  draft_over: "Not done: this draft is no longer waiting.",
  forbidden: "Your role may read, not act. An administrator can change that.",
  message_length: "Not sent: a message has 1 to 4,000 characters.",
  not_started: "Not done: nothing was said in this conversation yet.",
  given_up: "Not done: the connection was lost. Please do it again if it is still wanted.",
};

const GUARD: Record<string, string> = {
  person: "Asks for a person",
  distress: "Anger or distress",
  authority: "Asks for what only a person may do",
  claims: "Claims in the answer",
  supported: "Borne out by a source",
  dropped: "Left out because",
  reason: "Found",
  cosine: "Closeness of the best passage",
  words: "Words in common",
};

const GUARD_WORDS: Record<string, string> = {
  low_retrieval: "nothing close enough in the knowledge base",
  handed_off_before: "a person had been called for this already",
};

const VOIDED: Record<string, string> = {
  visitor_wrote: "the visitor wrote again",
  operator_replied: "a reply was sent",
  mode_changed: "the conversation changed hands",
  resolved: "the conversation was resolved",
};

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export const T = {
  title: "Tandem console",
  knowledge: "Knowledge",
  skip: "Skip to the conversation",

  // The queue.
  queue: "Queue",
  views: { unassigned: "Unassigned", mine: "Mine", all: "All", resolved: "Resolved" },
  search: "Search conversations",
  searchResults: (n: number) => (n ? plural(n, "conversation found", "conversations found") : ""),
  clearSearch: "Clear search",
  empty: {
    unassigned: ["Nobody is waiting", "Whoever asks for a person appears here, longest wait first."],
    mine: ["You have no conversations", "Take one over and it stays here until you release it."],
    all: ["No open conversations", "They appear as soon as a visitor writes."],
    resolved: ["Nothing resolved yet", "Conversations that are done appear here."],
    search: ["Nothing found", "Search looks at what was said, names, reasons and ids."],
  },
  loading: "Loading…",
  more: "Show older",
  loadFailed: "Could not be loaded. ",
  retry: "Try again",
  visitor: "Visitor",
  visitorNamed: (code: string) => `Visitor ${code}`,
  waits: "waiting",
  waitsSince: (time: string) => `Waiting since ${time}`,
  lastAt: (time: string) => `Last activity ${time}`,
  unanswered: (n: number) => plural(n, "unanswered message", "unanswered messages"),
  draftBadge: "Draft",
  draftBadgeHint: "A draft waits for approval",
  you: "You",
  withYou: "you",
  ai: "AI",
  aiHas: "AI answers",
  supervisedByNobody: "AI drafts, nobody watches",
  supervisedBy: (name: string) => `Supervised by ${name}`,
  ownedBy: (name: string) => `With ${name}`,
  resolvedBadge: "Resolved",
  newWaiting: (rows: readonly Row[]) => {
    const first = rows[0];
    if (rows.length !== 1 || !first) return `${rows.length} conversations need a person`;
    return needsPerson(first)
      ? `New in the queue: ${reason(first.reason) || T.draftBadgeHint}`
      : "New message in your conversation";
  },
  reason,
  said: { visitor: "", assistant: "AI: ", operator: "You: ", system: "" } as Record<string, string>,

  // The conversation.
  conversation: "Conversation",
  nothingOpen: "No conversation is open",
  nothingOpenHint: "Choose one from the queue, or press Ctrl K to find one.",
  back: "Back",
  backToQueue: "Back to the queue",
  details: "Details",
  assistant: "AI assistant",
  operator: "Colleague",
  note: "Private note",
  noteBy: (name: string) => `${name} wrote a private note`,
  noteHint: "Only your team sees this",
  newest: "To the newest",
  newLines: "New messages",
  earlier: (n: number) => `Show ${plural(n, "earlier entry", "earlier entries")}`,
  connectingTo: "Loading the conversation…",
  unknownConversation: "This conversation does not exist, or is not your company’s.",
  writing: "The AI is writing…",
  drafting: "The AI is drafting an answer…",
  torn: "Some words were lost on the way; the whole answer follows.",
  visitorTypes: "The visitor is typing…",
  colleagueTypes: (names: string) => `${names} is typing…`,
  visitorHere: "The visitor has the chat open",
  visitorAway: "The visitor does not have the chat open",
  looking: (names: string) => `${names} also looks at this`,
  says: (who: string, text: string) => `${who}: ${text}`,
  sources: "Sources",
  source: (n: number) => `Source ${n}`,
  sourceText: "Show in the document",
  openSource: "Open page",
  confidence: (percent: number) => `${percent} % sure`,
  unknownAnswer: "Had no answer",
  approvedBy: (name: string, changed: boolean) =>
    `${changed ? "Edited" : "Approved"} by ${name || "a colleague"}`,
  originalDraft: "What the AI had drafted",
  handedOff: "Called for a person",
  told: "The visitor read",
  modeLine,
  resolvedBy: (name: string) => `${name || "A colleague"} resolved the conversation`,
  reopened: "The conversation is open again",
  reopenedBy: "Reopened by a colleague",
  reopenedByVisitor: "Open again: the visitor wrote",
  rated: (score: number) => `The visitor rated ${score} of 5`,
  turnFailed: "The AI could not answer",
  draftRejected: (name: string) => `${name || "A colleague"} rejected a draft`,
  draftSetAside: "A draft was set aside",
  delivery: {
    waiting: "Waits for the connection",
    sending: "Sending…",
    saved: "Saved",
    seen: "Seen by the visitor",
    failed: "Not sent",
  },
  again: "Send again",
  discard: "Discard",
  toComposer: "Back to the composer",

  // What can be done.
  deeds: "What you can do",
  takeOver: "Take over",
  supervise: "Supervise",
  superviseHint: "The AI drafts, you approve",
  release: "Release to AI",
  toQueue: "Back to queue",
  resolve: "Resolve",
  reopen: "Reopen",
  moreDeeds: "More",
  viewerHint: "You can read and replay. To answer, ask an administrator for the role “manager”.",
  openlyTitle: (who: string) => `${who} has this conversation`,
  openlyText: (who: string) =>
    `Take it from ${who}? They and the visitor will be told, and a reply they are writing cannot be sent any more.`,
  openlyJust: "Somebody was a moment faster than you.",
  aColleague: "A colleague",
  openlyYes: "Take over openly",
  openlyYesSupervise: "Supervise openly",
  cancel: "Cancel",
  refused: (code: string, detail: string) => {
    const words = Object.hasOwn(REFUSALS, code) ? REFUSALS[code]! : "Not done.";
    return detail && code !== "stale_epoch" ? `${words} (${detail})` : words;
  },

  // The composer.
  composer: "What you write",
  reply: "Reply",
  replyTo: "Reply to the visitor",
  replyPlaceholder: "Reply to the visitor. / for canned replies",
  notePlaceholder: "A note for your team. The visitor never sees it.",
  send: "Send",
  addNote: "Add note",
  closeNote: "Cancel",
  sendHint: "Enter sends, Shift + Enter begins a new line",
  cannotReply: {
    ai: "The AI answers here. Take over to reply yourself.",
    other: (name: string) => `${name} has this conversation. You can leave a note.`,
    resolved: "This conversation is resolved. Take over to write again.",
    nobody: "Nobody has this conversation. Take over to reply.",
  },
  supervisedReply: "Your own reply replaces what the AI drafts.",
  charsLeft: (n: number) => (n < 0 ? `${-n} too many` : `${n} left`),
  canned: "Canned replies",
  noCanned: "No canned reply of that name",

  // Drafts.
  draft: "Draft",
  draftWaits: "A draft of the AI waits for your decision",
  draftOf: "The AI would say",
  draftUnknown: "The AI has no answer and would say so",
  edited: "Your version",
  edit: "Edit",
  approve: "Approve and send",
  approveEdited: "Approve my version",
  reject: "Reject",
  rejectWhy: "Why is it rejected?",
  rejectReasons: ["Wrong", "Incomplete", "Wrong tone", "Wrong language", "I answer myself"],
  rejectOwn: "In other words",
  rejectYes: "Reject the draft",
  changesShown: "What you changed",
  noChanges: "Nothing changed yet",
  reset: "Undo my changes",
  draftVoided: (why: DraftVoidReason) => `The draft is void: ${VOIDED[why] ?? why}.`,
  voidedWhy: (why: string) => (Object.hasOwn(VOIDED, why) ? VOIDED[why]! : why),
  draftKept: "Your edited text is in the composer.",
  notYourDraft: (name: string) => `${name} decides on this draft.`,

  // The context.
  context: "Details of the conversation",
  why: "Why a person",
  whyNot: "Nobody was asked for yet.",
  evidence: "Rests on",
  score: (percent: number) => `${percent} % sure`,
  silent: "The AI is silent until a person comes",
  earlierHandoffs: "Earlier",
  aiSources: "What the AI relied on",
  noAnswers: "The AI has not answered yet.",
  noSources: "No sources",
  guard: "Guard",
  guardName: (name: string) => (Object.hasOwn(GUARD, name) ? GUARD[name]! : name),
  guardValue: (value: string | number | boolean) =>
    typeof value === "string" && Object.hasOwn(GUARD_WORDS, value) ? GUARD_WORDS[value]! : `${value}`,
  past: "Earlier conversations",
  noPast: "None that we know of.",
  notes: "Notes",
  noNotes: "No notes yet.",
  writeNote: "Write a note",
  rating: "Rating",
  noRating: "Not rated yet.",
  about: "About",
  channel: "Channel",
  language: "Language",
  began: "Began",
  id: "Id",
  replay: "Open replay",
  replayHint: "Every step as it happened",

  // The bar, the commands, the keys.
  menu: "Menu",
  roles: { admin: "Admin", manager: "Manager", viewer: "Viewer" },
  signOut: "Sign out",
  signOutFailed: "You are still signed in: the server could not be reached.",
  theme: "Colours",
  themes: { auto: "As the system", light: "Light", dark: "Dark" },
  sound: "Sound when somebody waits",
  flash: "Flash the title when somebody waits",
  letterKeys: "Letter keys as shortcuts",
  help: "Keyboard shortcuts",
  commands: "Commands",
  commandsHint: "Search commands and conversations",
  commandsNone: "Nothing fits",
  commandGroups: { deed: "Do", view: "Go to", conversation: "Conversation", page: "Page" },
  goTo: (view: string) => `Queue: ${view}`,
  close: "Close",
  dismiss: "Dismiss",
  messages: "Messages",
  keys: {
    next: "Next conversation",
    previous: "Previous conversation",
    open: "Open it",
    views: "Views of the queue",
    take: "Take over",
    supervise: "Supervise",
    reply: "Reply",
    note: "Write a note",
    approve: "Approve the draft",
    edit: "Edit the draft",
    reject: "Reject the draft",
    release: "Release to the AI",
    queue: "Back to the queue",
    resolve: "Resolve",
    search: "Search",
    commands: "Commands",
    help: "This help",
    back: "Close, or leave a field",
  },
  keyGroups: { queue: "Queue", conversation: "Conversation", everywhere: "Everywhere" },
  keysOff: "Letter keys are switched off in the menu. Ctrl K still works.",

  // The line.
  link: {
    connecting: "Connecting…",
    waiting: "Connection lost. What you see may be old.",
    retry: (seconds: number) => `Trying again in ${seconds} s.`,
    offline: "You are offline. What you see may be old; what you send waits.",
    kept: (n: number) => `${plural(n, "message waits", "messages wait")} to be sent.`,
    back: "Connected again: nothing was missed.",
    now: "Try now",
  },
};

function reason(code: string): string {
  return Object.hasOwn(REASONS, code) ? REASONS[code as HandoffReason] : code.replaceAll("_", " ");
}

/** Who speaks from here on, as a sentence. */
function modeLine(line: Pick<ModeLine, "mode" | "name" | "reason" | "previous">): string {
  const name = line.name || "A colleague";
  if (line.mode === "human") return line.previous ? `${name} took over from a colleague` : `${name} took over`;
  if (line.mode === "supervised")
    return line.name ? `${name} supervises: the AI drafts` : "Supervised: the AI drafts, a person approves";
  if (line.reason === "lease_lapsed") return "The colleague is away: no longer theirs";
  if (line.reason === "released") return `${name} released it`;
  return "The AI answers again";
}

/** A visitor's short name: the end of their id tells two of them apart. */
export function visitorName(row: { visitor: string; conversation: string }): string {
  const id = (row.visitor || row.conversation).replace(/[^A-Za-z0-9]/g, "");
  return T.visitorNamed(id.slice(-4).toUpperCase());
}

let languages: Intl.DisplayNames | undefined;

/** `es-MX` as `Spanish (Mexico)`; the tag itself where nobody knows it. */
export function languageName(locale: string): string {
  if (!locale) return "";
  try {
    languages ??= new Intl.DisplayNames(["en"], { type: "language" });
    return languages.of(locale) ?? locale;
  } catch {
    return locale;
  }
}

/** The language alone, as a badge: `ES`. */
export function languageCode(locale: string): string {
  return (locale.split(/[-_]/)[0] ?? "").slice(0, 3).toUpperCase();
}

const CHANNELS: Record<string, string> = {
  widget: "Web chat",
  telegram: "Telegram",
  whatsapp: "WhatsApp",
  slack: "Slack",
  email: "E-mail",
};

export function channelName(channel: string): string {
  return Object.hasOwn(CHANNELS, channel) ? CHANNELS[channel]! : channel;
}

/** What a row can be found by, lower case. */
export function rowSearched(row: Row): string {
  return [
    visitorName(row),
    row.conversation,
    row.visitor,
    row.last_text,
    row.operator_name,
    row.evidence,
    reason(row.reason),
    channelName(row.channel),
    languageName(row.locale),
  ]
    .join("\n")
    .toLowerCase();
}
