// Data that keeps itself fresh: what was there stays on the screen while it is asked for again.
import { ReactRouterDOM, useCallback, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { Refused, get } from "./api.js";
import { miss } from "./away.js";

const AGAIN = 5;
const SLOW = 8000;
const TAKES_LONG = new Refused(0, "Airflow takes long to answer: it, or its database, may be away.");

// {data, error, away, reload}; `every` in seconds, 0 for once; a hidden window asks for nothing but its first.
// error: what asking again does not mend; away: what it may, so it is asked for until it is there
export function useApi(path, params = {}, every = 0) {
  const key = JSON.stringify([path, params]);
  const [state, setState] = useState({ key });
  const [turn, setTurn] = useState(0);
  const had = useRef(undefined);
  const [me] = useState(() => ({}));
  const reload = useCallback(() => setTurn((number) => number + 1), []);
  useEffect(() => {
    const ending = new AbortController();
    let timer;
    const ask = async (first = false) => {
      let next = Math.max(every, AGAIN);
      const away = (error) => miss(me, { error, at: had.current, reload });
      const slow = setTimeout(() => away(TAKES_LONG), SLOW);
      try {
        if (!document.hidden || first) {
          const data = await get(path, params, ending.signal);
          had.current = Date.now();
          miss(me, null);
          setState({ key, data });
          next = every;
        }
      } catch (error) {
        if (error.name === "AbortError") return;
        if (error.passing) away(error);
        else {
          miss(me, null);
          next = every;
        }
        const told = error.passing ? { away: true } : { error };
        setState((before) => ({ key, data: before.key === key ? before.data : undefined, ...told }));
      } finally {
        clearTimeout(slow);
      }
      if (next > 0 && !ending.signal.aborted) timer = setTimeout(ask, next * 1000);
    };
    ask(true);
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [key, turn, every]);
  // another key is another question: what was known of the one before says nothing
  useEffect(() => {
    had.current = undefined;
    return () => miss(me, null);
  }, [key]);
  return state.key === key ? { ...state, reload } : { reload };
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
