import { render } from "preact";

import "./console.css";

const root = document.getElementById("app");
if (root) render(<main />, root);
