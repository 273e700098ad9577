/** The Draw page. */
import { Blocks } from "../views/blocks.js";
import { DrawPage } from "./draw_page.js";
import { pageModel } from "./page_model.js";

void new DrawPage(pageModel(), (frame, handlers) => new Blocks(frame, handlers)).start();
