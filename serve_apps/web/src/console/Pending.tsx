/** A message of one's own that is not yet in the log: on its way, or refused. */

import type { Entry } from "./outbox";
import { useDesk } from "./reach";
import { Bubble, Delivered, type Delivery } from "./Lines";
import { T } from "./strings";
import { Plain } from "./Words";

export function Pending({ entry }: { entry: Entry }) {
  const desk = useDesk();
  const { order, state, code, detail } = entry;
  if (order.type !== "reply" && order.type !== "note") return null;
  const shown: Delivery = state;
  const back = () => {
    const { conversation, text } = order;
    const purpose = order.type === "note" ? "note" : "reply";
    const written = desk.scratch.get(purpose, conversation);
    desk.scratch.set(purpose, conversation, written ? `${text}\n${written}` : text);
    desk.outbox.discard(order.id);
    desk.wish(purpose);
  };
  return (
    <Bubble
      kind={order.type === "note" ? "note" : "operator"}
      who={order.type === "note" ? `${T.note} · ${T.you}` : T.you}
      at={entry.at}
      more={`pending ${state}`}
      foot={
        <>
          <Delivered state={shown} />
          {state === "failed" && (
            <div class="failed" role="alert">
              <p>{T.refused(code, detail)}</p>
              <div class="failed-deeds">
                <button type="button" class="button" onClick={() => desk.again(entry)}>
                  {T.again}
                </button>
                <button type="button" class="button" onClick={back}>
                  {T.toComposer}
                </button>
                <button type="button" class="button plain" onClick={() => desk.outbox.discard(order.id)}>
                  {T.discard}
                </button>
              </div>
            </div>
          )}
        </>
      }
    >
      <Plain text={order.text} />
    </Bubble>
  );
}
