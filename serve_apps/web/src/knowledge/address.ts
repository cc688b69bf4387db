/** The page's address: what is looked at can be sent to a colleague as a link. */

export type View = "documents" | "search" | "gaps" | "counts" | "settings";

export const VIEWS: readonly View[] = ["documents", "search", "gaps", "counts", "settings"];

export type Route =
  | { at: "documents"; state: string; search: string }
  | { at: "document"; document: string; version: number; tab: "chunks" | "told" }
  | { at: "chunk"; chunk: string }
  | { at: "search"; question: string; locale: string; asOf: number; source: string; mediaType: string }
  | { at: "gaps"; days: number }
  | { at: "counts" }
  | { at: "settings" };

export const GAP_DAYS = 30;

export function routeOf(search: string): Route {
  const asked = new URLSearchParams(search);
  const text = (name: string) => (asked.get(name) ?? "").slice(0, 2000);
  if (text("chunk")) return { at: "chunk", chunk: text("chunk") };
  if (text("document")) {
    const tab = text("tab") === "told" ? "told" : "chunks";
    return { at: "document", document: text("document"), version: whole(text("version")), tab };
  }
  switch (text("view")) {
    case "search":
      return {
        at: "search",
        question: text("q"),
        locale: text("locale"),
        asOf: whole(text("as_of")),
        source: text("source"),
        mediaType: text("type"),
      };
    case "gaps":
      return { at: "gaps", days: whole(text("days")) || GAP_DAYS };
    case "counts":
      return { at: "counts" };
    case "settings":
      return { at: "settings" };
    default:
      return { at: "documents", state: text("state"), search: text("q") };
  }
}

export function addressOf(route: Route): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fieldsOf(route))) if (value) query.set(name, String(value));
  const search = query.toString();
  return search ? `/knowledge?${search}` : "/knowledge";
}

function fieldsOf(route: Route): Record<string, string | number> {
  switch (route.at) {
    case "documents":
      return { state: route.state, q: route.search };
    case "document":
      return {
        document: route.document,
        version: route.version,
        tab: route.tab === "told" ? "told" : "",
      };
    case "chunk":
      return { chunk: route.chunk };
    case "search":
      return {
        view: "search",
        q: route.question,
        locale: route.locale,
        as_of: route.asOf,
        source: route.source,
        type: route.mediaType,
      };
    case "gaps":
      return { view: "gaps", days: route.days === GAP_DAYS ? 0 : route.days };
    default:
      return { view: route.at };
  }
}

/** Which of the tabs at the top a route belongs to. */
export function viewOf(route: Route): View {
  return route.at === "document" || route.at === "chunk" ? "documents" : route.at;
}

/** The route of a tab as it is first opened. */
export function startOf(view: View): Route {
  return routeOf(`?view=${view}`);
}

function whole(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
