// The signs of the states: with colour and word the third way in which a state is told.

const [FILL, CUT, LINE, THICK, DASH] = ["g-fill", "g-cut", "g-line", "g-line g-thick", "g-line g-dash"];

const disc = ["circle", { cx: 8, cy: 8, r: 8, class: FILL }];
const ring = (kind) => ["circle", { cx: 8, cy: 8, r: 6.4, class: kind }];
const path = (d, kind) => ["path", { d, class: kind }];
const tick = path("M4.4 8.3l2.5 2.5 4.8-5.2", CUT);
const rising = path("M2.5 13L13 2.5M5.5 2.5H13V10", LINE);
const triangle = path("M8 1.2L15.6 14.6H.4z", FILL);
const warning = [triangle, path("M8 6v4M8 12.1v.3", CUT)];

/** The shapes of each state's sign in a box of 16 by 16, as `[tag, attributes]`. */
export const SIGNS = {
  met: [disc, tick],
  on_track: [rising],
  behind: warning,
  off_track: [path("M2.5 3L13 13.5M5.5 13.5H13V6", THICK)],
  missed: [["rect", { width: 16, height: 16, rx: 2, class: FILL }], path("M4.6 4.6l6.8 6.8M11.4 4.6l-6.8 6.8", CUT)],
  cannot_say: [path("M4.2 5.2c0-5 7.6-4.8 7.6-.4 0 3-3.8 2.8-3.8 5.6M8 13.4v.4", LINE)],
  no_data: [ring(DASH)],
  not_applicable: [path("M2.5 8h11", LINE)],
  watched: [path("M8 2.5l5.5 5.5L8 13.5 2.5 8z", LINE)],
  below: [triangle],
  on_schedule: [rising],
  delayed: warning,
  suspended: [path("M5 2.5v11M11 2.5v11", THICK)],
  not_started: [ring(LINE)],
  done: [disc, tick],
  not_reported: [ring(DASH)],
};
