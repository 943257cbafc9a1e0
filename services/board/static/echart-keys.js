// A chart by keyboard: arrows go from point to point, + and − zoom, 0 shows all, Escape lets go.

const CLOSER = 0.6;
const SMALLEST = 2; // percent of the whole that stays in sight

/** Follow the keys on a plot. `one` has the chart's `instance` and `option`, once there are any. */
export function keys(plot, one) {
  let pointed = null; // the place the arrows have gone to

  function letGo() {
    pointed = null;
    one.instance.dispatchAction({ type: "hideTip" });
  }

  function point(step) {
    const [first] = [one.option.series].flat();
    const last = (first?.data?.length ?? 0) - 1;
    if (last < 0) return;
    pointed = Math.min(Math.max((pointed ?? (step > 0 ? -1 : last + 1)) + step, 0), last);
    one.instance.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: pointed });
  }

  function zoom(factor) {
    const [stretch] = one.instance.getOption().dataZoom ?? [];
    if (!stretch) return;
    const middle = (stretch.start + stretch.end) / 2;
    const half = Math.min(50, Math.max(SMALLEST / 2, ((stretch.end - stretch.start) / 2) * factor));
    one.instance.dispatchAction({ type: "dataZoom", start: Math.max(0, middle - half), end: Math.min(100, middle + half) });
  }

  const actions = {
    ArrowLeft: () => point(-1),
    ArrowRight: () => point(1),
    "+": () => zoom(CLOSER),
    "=": () => zoom(CLOSER), // the same key without Shift
    "-": () => zoom(1 / CLOSER),
    0: () => zoom(Infinity),
  };
  plot.addEventListener("keydown", (event) => {
    if (!one.instance || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" && pointed !== null) letGo(); // and what is around it stays open
    else if (Object.hasOwn(actions, event.key)) actions[event.key]();
    else return;
    event.preventDefault();
  });
  plot.addEventListener("blur", () => one.instance && letGo());
}
