/** The page of one network: its map. @import {MakeNetworkView} from "./network_explorer.js" */
import { NetworkMap } from "../views/network_map.js";
import { DrawPage } from "./draw_page.js";
import { pageModel } from "./page_model.js";
import { PicturePage } from "./picture_page.js";

/** @type {MakeNetworkView} */
const makeMap = (frame, handlers) => new NetworkMap(frame, handlers);
const model = pageModel();

void (model.input === "doodle" ? new DrawPage(model, makeMap) : new PicturePage(model, makeMap)).start();
