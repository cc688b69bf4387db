import { render } from "preact";

import "./replay.css";

const root = document.getElementById("app");
if (root) render(<main />, root);
