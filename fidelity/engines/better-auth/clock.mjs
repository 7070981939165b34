// The engine's clock: the machine's, moved by as many seconds as the control API has said. Imported before all else, so
// that everybody reads this one.
const Real = globalThis.Date;
let ahead = 0;

globalThis.Date = class Date extends Real {
  constructor(...said) {
    if (said.length) super(...said);
    else super(Real.now() + ahead);
  }
  static now() {
    return Real.now() + ahead;
  }
  static [Symbol.hasInstance](value) {
    return Object.prototype.toString.call(value) === "[object Date]";
  }
};

export const advance = (seconds) => (ahead += seconds * 1000);
export const putBack = () => (ahead = 0);
