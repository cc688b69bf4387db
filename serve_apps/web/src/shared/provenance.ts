/** Where an answer's source stands, for operators: the place in words, and its page. */

import { type Place, placeOf, type PlaceWords } from "../widget/place";

const WITHIN: PlaceWords = {
  page: (n) => `page ${n}`,
  slide: (n) => `slide ${n}`,
  row: (n) => `row ${n}`,
};

/** `page 3`, `slide 2`, `Prices, row 12`, `#returns`; empty where there is none. */
export function placeWords(place: Place | null | undefined): string {
  return placeOf(place, WITHIN) || (place?.anchor ? `#${place.anchor}` : "");
}

/** The page that shows a chunk, also one that answers no more. */
export function chunkAddress(chunk: string): string {
  return `/knowledge?${new URLSearchParams({ chunk })}`;
}
