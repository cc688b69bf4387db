/** Line drawings of 24 by 24, in the text's colour; hidden from screen readers. */

const PATHS = {
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm9 2-4-4",
  close: "m6 6 12 12M18 6 6 18",
  back: "m14 6-6 6 6 6",
  down: "M12 5v14m-6-6 6 6 6-6",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8a7 7 0 0 1 14 0",
  spark: "M12 3l1.8 5.2L19 10l-5.2 1.8L12 17l-1.8-5.2L5 10l5.2-1.8L12 3Zm7 12 .8 2.2L22 18l-2.2.8L19 21l-.8-2.2L16 18l2.2-.8L19 15Z",
  note: "M5 4h14v11l-5 5H5V4Zm14 11h-5v5",
  lock: "M6 11h12v9H6v-9Zm2 0V8a4 4 0 0 1 8 0v3",
  check: "m5 13 4 4L19 7",
  checks: "m2 13 4 4L15 7m-4 9 1.5 1.5L22 7",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Zm0-14v5l3 2",
  alert: "M12 4 2.5 20h19L12 4Zm0 6v4m0 3v.01",
  link: "M9 7h8v8M17 7 7 17",
  chat: "M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2Z",
  send: "M12 19V5m-6 6 6-6 6 6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  command: "M9 9h6v6H9V9Zm0 0V6.5A2.5 2.5 0 1 0 6.5 9H9Zm6 0h2.5A2.5 2.5 0 1 0 15 6.5V9Zm0 6v2.5a2.5 2.5 0 1 0 2.5-2.5H15Zm-6 0H6.5A2.5 2.5 0 1 0 9 17.5V15Z",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Zm0-10v5m0-8v.01",
  history: "M4 12a8 8 0 1 0 2.6-5.9M4 5v4h4m4-1v4l3 2",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Zm9.5 2.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  star: "m12 4 2.5 5.1 5.6.8-4 4 .9 5.6-5-2.7-5 2.7 1-5.6-4.1-4 5.6-.8L12 4Z",
  hand: "M4 12h13m-5-5 5 5-5 5M20 5v14",
  edit: "M4 20h4L19 9l-4-4L4 16v4Z",
  refresh: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
