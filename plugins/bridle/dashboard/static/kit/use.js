// Data that keeps itself fresh: what was there stays on the screen while it is asked for again.
import { ReactRouterDOM, useCallback, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { get } from "./api.js";

// {data, error, reload}; `every` in seconds, 0 for once; nothing is asked for while the window is hidden
export function useApi(path, params = {}, every = 0) {
  const key = JSON.stringify([path, params]);
  const [state, setState] = useState({ key, data: undefined, error: undefined });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((number) => number + 1), []);
  useEffect(() => {
    const ending = new AbortController();
    let timer;
    const ask = async () => {
      try {
        if (!document.hidden || turn > 0) {
          const data = await get(path, params, ending.signal);
          setState({ key, data, error: undefined });
        }
      } catch (error) {
        if (error.name === "AbortError") return;
        setState((before) => ({ key, data: before.key === key ? before.data : undefined, error }));
      }
      if (every > 0 && !ending.signal.aborted) timer = setTimeout(ask, every * 1000);
    };
    ask();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [key, turn, every]);
  return { data: state.key === key ? state.data : undefined, error: state.error, reload };
}

// The page's own part of the address: ?page=run&dag_id=…; the back button and deep links work.
export function usePlace() {
  const [search, setSearch] = ReactRouterDOM.useSearchParams();
  const place = Object.fromEntries(search.entries());
  const change = (changes, { replace = true } = {}) => {
    const next = { ...place, ...changes };
    for (const name of Object.keys(next)) if (!next[name]) delete next[name];
    setSearch(next, { replace });
  };
  return [place, change];
}

// Runs `act` on a key, unless the user is writing somewhere.
export function useKey(key, act) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const heard = (event) => {
      const writing = event.target.closest?.("input, textarea, select, [contenteditable]");
      if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || writing) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", heard);
    return () => document.removeEventListener("keydown", heard);
  }, [key]);
}

// The time, again every few seconds, so that ages grow.
export function useNow(seconds = 1) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}

// How wide something is, in pixels; 0 until it is on the screen.
export function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const watching = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    watching.observe(ref.current);
    return () => watching.disconnect();
  }, [ref]);
  return width;
}
