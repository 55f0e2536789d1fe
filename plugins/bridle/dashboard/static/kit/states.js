// States by word, sign and colour: the word and the sign say it to those who do not see the colour.

const GOOD = { sign: "✓", palette: "green" };
const BAD = { sign: "✗", palette: "red" };
const BUSY = { sign: "▶", palette: "blue" };
const WAITING = { sign: "◔", palette: "orange" };
const PLAIN = { sign: "○", palette: "gray" };
const HELD = { sign: "■", palette: "purple" };

const STATES = {
  success: GOOD, done: GOOD, passed: GOOD, approve: GOOD, merged: GOOD, next: { sign: "→", palette: "blue" },
  failed: BAD, refused: BAD, error: BAD, "timed out": BAD, reject: BAD, uncertain: BAD,
  running: BUSY, "under way": BUSY, intended: BUSY,
  waiting: WAITING, limit: { sign: "▲", palette: "orange" },
  stopped: HELD, stop: HELD, paused: { sign: "‖", palette: "orange" }, lost: { sign: "↯", palette: "purple" },
  queued: PLAIN, withdrawn: PLAIN,
};

export const look = (state) => STATES[state] ?? PLAIN;
