/** The keys, on `?`. */

import { useEffect, useRef } from "preact/hooks";

const KEYS: [keys: string[], what: string][] = [
  [["←", "→"], "previous or next version"],
  [["Shift ←", "Shift →"], "previous or next AI turn"],
  [["Home", "End"], "to the beginning, to the end"],
  [["PgUp", "PgDn"], "ten versions on or back, on the timeline"],
  [["Space"], "play or pause"],
  [["<", ">"], "slower, faster"],
  [["h", "H"], "next or previous handoff"],
  [["x", "X"], "next or previous error"],
  [["/"], "search in this conversation"],
  [["n", "N"], "next or previous thing found"],
  [["t"], "timeline by versions or by time"],
  [["+", "-"], "zoom the timeline"],
  [["w"], "why: the AI's turn"],
  [["e"], "raw events"],
  [["l"], "live: follow the end"],
  [["?"], "this list"],
  [["Esc"], "close what is open"],
];

export function Help({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current!.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close}>
      <div class="help-head">
        <h2 id="help-title">Keys</h2>
        <button type="button" class="button" onClick={() => dialog.current!.close()}>Close</button>
      </div>
      <dl>
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
