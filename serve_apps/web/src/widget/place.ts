/** Where in a document a text stands, as its readers count: pages, slides and rows from 1. */

import { safeUrl } from "../shared/html";

export interface Place {
  page?: number;
  slide?: number;
  sheet?: string;
  row?: number;
  /** The fragment of a web page, without its `#`. */
  anchor?: string;
}

/** A page of a document, a slide, a row of a sheet (or of the only one). */
export interface PlaceWords {
  page: (n: number) => string;
  slide: (n: number) => string;
  row: (n: number) => string;
}

/** `page 3`, `slide 2`, `Prices, row 12`; empty where a text has no place of its own. */
export function placeOf(place: Place | null | undefined, words: PlaceWords): string {
  if (!place) return "";
  const { page, slide, sheet, row } = place;
  if (page) return words.page(page);
  if (slide) return words.slide(slide);
  return [sheet, row ? words.row(row) : ""].filter(Boolean).join(", ");
}

/** A document's web address, opened where the text stands; null when it is no web address. */
export function addressAt(url: unknown, place: Place | null | undefined): string | null {
  const safe = safeUrl(url);
  if (!safe || !place) return safe;
  const at = new URL(safe);
  // Readers of PDF understand `#page=`; pages are counted in nothing else.
  if (!at.hash && place.page) at.hash = `page=${place.page}`;
  if (!at.hash && place.anchor) at.hash = place.anchor;
  return at.href;
}
