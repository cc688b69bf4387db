/** The knowledge page: `/knowledge`, with what is looked at in its address. */

import { render } from "preact";

import { Preferences } from "../console/prefs";
import { shelf } from "../console/shelf";
import { browserSession } from "../wire/operator_session";
import { Gate } from "../shared/SignIn";
import "../shared/theme.css";
import { App } from "./App";
import "./knowledge.css";
import "./documents.css";
import "./texts.css";

const session = browserSession();
const { theme } = new Preferences(shelf("local")).cell.get();
if (theme !== "auto") document.documentElement.dataset["theme"] = theme;
void session.start();

const root = document.getElementById("app");
if (root)
  render(<Gate session={session}>{(me) => <App key={me.operator} session={session} me={me} />}</Gate>, root);
