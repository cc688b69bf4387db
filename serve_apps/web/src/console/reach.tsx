/** What every component of the console may reach. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { useCell } from "../shared/cells";
import type { Me } from "../wire/operator_protocol";
import type { OperatorSession } from "../wire/operator_session";
import type { Desk } from "./desk";

export const DeskContext = createContext<Desk | null>(null);
export const SessionContext = createContext<OperatorSession | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("a component of the console stands outside of its desk");
  return desk;
}

export function useMe(): Me {
  return useCell(useDesk().me);
}

export function useSession(): OperatorSession {
  const session = useContext(SessionContext);
  if (!session) throw new Error("a component of the console stands outside of its session");
  return session;
}
