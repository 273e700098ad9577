/** The Compare page. */
import { byId } from "../views/dom.js";
import { ComparePage } from "./compare_page.js";
import { exportViews } from "./exporter.js";

exportViews();
void new ComparePage(JSON.parse(byId("model-list", HTMLScriptElement).textContent ?? "[]")).start();
