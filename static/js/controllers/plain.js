/** Pages without anything of their own: only the theme. */
import { byId } from "../views/dom.js";
import { ThemeButton } from "../views/theme.js";

new ThemeButton(byId("theme-button", HTMLButtonElement));
