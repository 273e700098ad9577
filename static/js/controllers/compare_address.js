/** Keeps what the Compare page shows and the address in step. @import {CompareState} from "../core/compare_state.js" */
import { formatComparison, parseComparison } from "../core/compare_state.js";
import { FragmentAddress } from "./fragment_address.js";

/** @extends {FragmentAddress<CompareState>} */
export class CompareAddress extends FragmentAddress {
  /**
   * @param {(state: CompareState, foreign: boolean) => void} onMove  the reader went back or forward,
   *   or (foreign) typed another address
   */
  constructor(onMove) {
    super({ parse: parseComparison, format: formatComparison, kept: (state, { a, b }) => ({ ...state, a, b }) }, onMove);
  }
}
