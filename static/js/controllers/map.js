/** The page of one network: its map. */
import { byId } from "../views/dom.js";
import { NetworkMap } from "../views/network_map.js";
import { DrawPage } from "./draw_page.js";

const main = byId("main", HTMLElement);
/** @type {string[]} */
const categories = JSON.parse(byId("category-list", HTMLScriptElement).textContent ?? "[]");

void new DrawPage(main.dataset.model ?? "", categories, (frame, handlers) => new NetworkMap(frame, handlers)).start();
