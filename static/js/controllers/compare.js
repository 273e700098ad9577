/** The Compare page. */
import { byId } from "../views/dom.js";
import { ComparePage } from "./compare_page.js";

void new ComparePage(JSON.parse(byId("model-list", HTMLScriptElement).textContent ?? "[]")).start();
