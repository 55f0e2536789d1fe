// A time axis that does not waste its width: long stretches in which only a human was waited for are squeezed.
import { duration } from "../kit/format.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400].map((seconds) => seconds * 1000);

const LABEL = 58;

// spans: [{kind, start, end}], pixels: its width;
// gives {x: (milliseconds) => per cent, ticks: [{x, label}], breaks: [{x, width, label}]}
export function axisOf(spans, now, pixels) {
  const times = spans.map((span) => [Date.parse(span.start), span.end ? Date.parse(span.end) : now]);
  const begin = Math.min(...times.map(([start]) => start));
  const end = Math.max(begin + 1000, ...times.map(([, until]) => until));
  const pieces = squeezed(busy(spans, times), begin, end);
  const width = pieces.reduce((total, piece) => total + piece.width, 0);
  let left = 0;
  for (const piece of pieces) {
    piece.left = left;
    left += piece.width;
  }
  const x = (at) => {
    const piece = pieces.find((each) => at <= each.end) ?? pieces[pieces.length - 1];
    const within = Math.min(1, Math.max(0, (at - piece.start) / (piece.end - piece.start || 1)));
    return (100 * (piece.left + within * piece.width)) / width;
  };
  const most = Math.max(2, Math.min(8, Math.floor(pixels / (1.6 * LABEL))));
  const step = STEPS.find((each) => width / each <= most) ?? STEPS[STEPS.length - 1];
  const ticks = [];
  for (const piece of pieces.filter((each) => !each.cut)) {
    for (let at = begin + Math.ceil((piece.start - begin) / step) * step; at <= piece.end; at += step) {
      const where = x(at);
      const room = (100 * LABEL) / Math.max(pixels, LABEL);
      const apart = ticks.length === 0 || where - ticks[ticks.length - 1].x > room;
      if (apart && where < 100 - room) ticks.push({ x: where, label: elapsed(at - begin) });
    }
  }
  const breaks = pieces
    .filter((piece) => piece.cut)
    .map((piece) => ({
      x: (100 * piece.left) / width,
      width: (100 * piece.width) / width,
      label: `${duration(piece.end - piece.start)} without work`,
    }));
  return { x, ticks, breaks, begin, end };
}

const busy = (spans, times) => {
  const work = times.filter((_, index) => spans[index].kind !== "approval").sort(([one], [other]) => one - other);
  const merged = [];
  for (const [start, end] of work) {
    const last = merged[merged.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
};

const squeezed = (work, begin, end) => {
  const total = work.reduce((sum, [start, until]) => sum + until - start, 0) || end - begin;
  const longest = Math.max(0.25 * total, 20_000);
  const pieces = [];
  let at = begin;
  const add = (until, idle) => {
    if (until <= at) return;
    const cut = idle && until - at > longest;
    pieces.push({ start: at, end: until, cut, width: cut ? 0.08 * total + 2_000 : until - at });
    at = until;
  };
  for (const [start, until] of work) {
    add(start, true);
    add(until, false);
  }
  add(end, true);
  return pieces;
};

const elapsed = (milliseconds) => {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return seconds % 60 ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min` : `${seconds / 60} min`;
  return seconds % 3600 ? `${Math.floor(seconds / 3600)}:${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} h` : `${seconds / 3600} h`;
};
