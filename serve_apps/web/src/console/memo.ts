/** A component that is drawn again only when one of its properties is another one. */

import { Component, type ComponentChildren, type FunctionComponent, h } from "preact";

export function memo<P extends object>(draw: (props: P) => ComponentChildren): FunctionComponent<P> {
  const Inner = draw as FunctionComponent<P>;
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as Record<string, unknown>;
      const then = next as Record<string, unknown>;
      for (const name in then) if (name !== "children" && then[name] !== now[name]) return true;
      for (const name in now) if (!(name in then)) return true;
      return false;
    }
    render(): ComponentChildren {
      return h(Inner, this.props as P & { children?: ComponentChildren });
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
