/** Keeps the explorer's state and the address in step. @import {SettingName, UrlState} from "../core/url_state.js" */
import { formatState, parseState } from "../core/url_state.js";
import { FragmentAddress } from "./fragment_address.js";

/** @extends {FragmentAddress<UrlState>} */
export class Address extends FragmentAddress {
  /**
   * @param {(state: UrlState, foreign: boolean) => void} onMove  the reader went back or forward, or
   *   (foreign) typed another address
   */
  constructor(onMove) {
    super({ parse: parseState, format: formatState, kept: (state, { drawing }) => ({ ...state, drawing }) }, onMove);
  }

  /**
   * What a view is set to; null: as it opens.
   *
   * @param {SettingName} name
   */
  setting(name) {
    return this.state.settings[name] ?? null;
  }

  /**
   * A view was set by its reader.
   *
   * @param {SettingName} name
   * @param {string | null} value  null: as it opens
   */
  set(name, value) {
    const { [name]: _, ...others } = this.state.settings;
    this.note({ settings: value === null ? others : { ...others, [name]: value } });
  }
}
