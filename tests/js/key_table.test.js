/** The list of keys is what is listened to. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { keyGroups, PLACES, registerKeys } from "../../static/js/core/key_table.js";

test("what is registered is listed by place, once, until it is taken back", () => {
  const forget = [
    registerKeys(PLACES.cells, [{ keys: ["←", "→"], label: "Move the cell" }]),
    registerKeys("In the film", [{ keys: ["Space"], label: "Play" }]),
    registerKeys(PLACES.map, [{ keys: ["+"], label: "Nearer" }, { keys: ["0"], label: "All of it" }]),
    registerKeys(PLACES.cells, [{ keys: ["←", "→"], label: "Move the cell" }]),
  ];
  assert.deepEqual(
    keyGroups().map(({ place, rows }) => [place, rows.map(({ keys }) => keys.join(" "))]),
    [[PLACES.map, ["+", "0"]], [PLACES.cells, ["← →"]], ["In the film", ["Space"]]],
  );
  forget[0]();
  assert.ok(keyGroups().some(({ place }) => place === PLACES.cells), "the other view still listens");
  for (const each of forget) each();
  assert.deepEqual(keyGroups(), []);
});
