/** The page /replay?c=<conversation>&v=<version>. */

import { render } from "preact";

import { browserSession } from "../wire/operator_session";
import "../shared/theme.css";
import { addressOf } from "./address";
import { App } from "./App";
import "./replay.css";
import "./timeline.css";
import "./panes.css";
import "./why.css";

const session = browserSession();
// A file needs nobody to be signed in.
if (addressOf(location.search).conversation) void session.start();

const root = document.getElementById("app");
if (root) render(<App session={session} />, root);
