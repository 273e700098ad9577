import assert from "node:assert/strict";
import { test } from "node:test";
import { formatStudies, parseStudies } from "../../static/js/core/study_state.js";
import { EMPTY_STATE, formatState, parseState } from "../../static/js/core/url_state.js";

test("a state survives the address", () => {
  const states = [
    EMPTY_STATE,
    { drawing: "AQIDBA-_", layer: "stage1.add@1", channel: 12, cell: { row: 3, column: 4 }, prompt: "The Eiffel Tower", unfolded: null, camera: null, settings: { range: "channel" } },
    { drawing: "", layer: "linear", channel: null, cell: null, prompt: null, unfolded: [], camera: { x: -120, y: 3000, scale: 0.25 }, settings: {} },
    { drawing: "", layer: "a&b=c #d", channel: 0, cell: null, prompt: "t-shirt", unfolded: ["stage1", "shared#2", "a,b"], camera: null, settings: {} },
  ];
  for (const state of states) assert.deepEqual(parseState(formatState(state)), state);
  assert.equal(formatState(EMPTY_STATE), "");
});

test("nonsense is as if it were not there", () => {
  assert.deepEqual(parseState("#layer=&channel=3&cell=1,2"), EMPTY_STATE);
  assert.deepEqual(parseState("#layer=a&channel=-1&cell=1,2"), { ...EMPTY_STATE, layer: "a" });
  assert.deepEqual(parseState("#layer=a&channel=2&cell=x"), { ...EMPTY_STATE, layer: "a", channel: 2 });
  assert.deepEqual(parseState("#%%%&&&="), EMPTY_STATE);
  assert.deepEqual(parseState("#range=sideways&camera=1,2"), EMPTY_STATE);
  for (const camera of ["1,2,0", "1,2,-3", "a,b,c", "1e9,0,1", "99999999,0,1", "1,2,3,4"]) assert.equal(parseState(`#camera=${camera}`).camera, null);
});

test("which studies of a value are open survives the address", () => {
  for (const text of ["none", "arithmetic", "player", "arithmetic~player~column~reach", "column~reach"]) {
    assert.equal(parseState(`#study=${text}`).settings.study, text);
    assert.equal(formatStudies(parseStudies(text)), text);
  }
  assert.deepEqual([...parseStudies("reach~column")], ["column", "reach"]);
  const settings = { study: "player~reach", heat: "noise", step: "31", source: "7", from: "cell", pixel: "3,14" };
  assert.deepEqual(parseState(formatState({ ...EMPTY_STATE, settings })).settings, settings);
  assert.deepEqual(parseState("#study=everything&heat=hot&step=-1&source=x&from=there&pixel=3").settings, {});
});
