/**
 * The inverse question, asked of the server one axis at a time.
 *
 * @import {LayerKinds, Parameters} from "../core/stack.js"
 * @import {FoundSetting, SettingsQuestion} from "../core/found_settings.js"
 */
import { findSettings } from "../api.js";
import { joinSettings, settingParameters } from "../core/found_settings.js";
import { formatConfiguration } from "../core/shapes/configuration.js";
import { SettingsFinder } from "../views/stacks/settings_finder.js";

/**
 * @param {LayerKinds} kinds
 * @param {number[]} shape  that the new layer would be given, batch first
 * @param {(type: string, parameters: Parameters) => void} onAdd
 */
export function findSizes(kinds, shape, onAdd) {
  const space = shape.slice(2);
  const sizes = space.length > 0 && space.length <= 3 ? space : [32, 32];
  /** @param {SettingsQuestion} question @param {FoundSetting} setting @param {number} channels */
  const parameters = ({ type }, setting, channels) => {
    const kind = kinds.get(type);
    return kind ? settingParameters(kind, setting, channels) : {};
  };
  new SettingsFinder(
    kinds,
    {
      onAsk: async ({ type, from, to }) => {
        try {
          /** @type {Map<string, Promise<Record<string, number | boolean>[]>>} */
          const asked = new Map();
          const answers = from.map((size, axis) => {
            const key = `${size} ${to[axis]}`;
            const answer = asked.get(key) ?? findSettings(type, size, to[axis]);
            asked.set(key, answer);
            return answer;
          });
          return joinSettings(await Promise.all(answers));
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
      },
      onAdd: (question, setting) => onAdd(question.type, parameters(question, setting, shape[1] ?? 1)),
      link: (question, setting) => `/shapes${formatConfiguration({ type: question.type, input: [1, shape[1] ?? 1, ...question.from], values: parameters(question, setting, shape[1] ?? 1), view: {} })}`,
    },
    { from: sizes.join(", "), to: sizes.map((size) => Math.max(1, Math.floor(size / 2))).join(", "), type: `Conv${sizes.length}d` },
  ).open();
}
