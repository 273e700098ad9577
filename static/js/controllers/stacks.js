/** Begins the page of stacks. */
import { getLayerKinds } from "../api.js";
import { byId } from "../views/dom.js";
import { ThemeButton } from "../views/theme.js";
import { exportViews } from "./exporter.js";
import { StacksPage } from "./stacks_page.js";

new ThemeButton(byId("theme-button", HTMLButtonElement));
exportViews();
const main = byId("main", HTMLElement);
try {
  const kinds = new Map((await getLayerKinds()).map((kind) => [kind.type, kind]));
  new StacksPage(main, kinds);
} catch (error) {
  byId("stacks-wait", HTMLElement).textContent = `${error instanceof Error ? error.message : error} Reload the page to try again.`;
}
main.setAttribute("aria-busy", "false");
