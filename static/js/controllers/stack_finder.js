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
 * @param {number[]} shape  of the stack's input, batch first, to begin with
 * @param {(sizes: number[]) => number} channels  where the stack has such sizes
 * @param {(sizes: number[], type: string, parameters: Parameters) => void} onAdd
 */
export function findSizes(kinds, shape, channels, onAdd) {
  const space = shape.slice(2);
  const sizes = space.length > 0 && space.length <= 3 ? space : [32, 32];
  /** @param {SettingsQuestion} question @param {FoundSetting} setting */
  const parameters = ({ type, from }, setting) => {
    const kind = kinds.get(type);
    return kind ? settingParameters(kind, setting, channels(from)) : {};
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
      onAdd: (question, setting) => onAdd(question.from, question.type, parameters(question, setting)),
      link: (question, setting) => {
        const { type, from } = question;
        return `/shapes${formatConfiguration({ type, input: [1, channels(from), ...from], values: parameters(question, setting), view: {} })}`;
      },
    },
    { from: sizes.join(", "), to: sizes.map((size) => Math.max(1, Math.floor(size / 2))).join(", "), type: `Conv${sizes.length}d` },
  ).open();
}
