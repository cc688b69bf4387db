/** The operators' console: `/console`, or `/console?c=<conversation>`. */

import { render } from "preact";

import { browserSession } from "../wire/operator_session";
import { Gate } from "../shared/SignIn";
import "./console.css";
import { Preferences } from "./prefs";
import { shelf } from "./shelf";
import { Workplace } from "./Workplace";

const session = browserSession();
const prefs = new Preferences(shelf("local"));

function paint(): void {
  const { theme } = prefs.cell.get();
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

paint();
prefs.cell.subscribe(paint);
void session.start();

const root = document.getElementById("app");
if (root)
  render(
    <Gate session={session}>
      {(me) => <Workplace key={me.operator} session={session} prefs={prefs} me={me} />}
    </Gate>,
    root,
  );
