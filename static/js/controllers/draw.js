/** The Draw page. */
import { Blocks } from "../views/blocks.js";
import { byId } from "../views/dom.js";
import { DrawPage } from "./draw_page.js";

const main = byId("main", HTMLElement);
/** @type {string[]} */
const categories = JSON.parse(byId("category-list", HTMLScriptElement).textContent ?? "[]");

void new DrawPage(main.dataset.model ?? "", categories, (frame, handlers) => new Blocks(frame, handlers)).start();
