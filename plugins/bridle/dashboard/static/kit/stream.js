// Server-sent events of a session: all so far, then each as it comes; comes back by itself where it left off.
import { useEffect, useState } from "./html.js";
import { address } from "./api.js";

const PAUSE = 60;
const AGAIN = 2000;

// {events, state}: state is `connecting`, `live`, `lost` (it is trying again), `paused` (nobody sees it) or `ended`
export function useStream(id) {
  const [told, setTold] = useState({ id, events: [], state: "connecting" });
  useEffect(() => {
    let last = 0;
    let source;
    let again;
    let flushing;
    let coming = [];
    let over = false;
    const say = (state) => setTold((before) => ({ ...before, state }));
    const flush = () => {
      flushing = undefined;
      const more = coming;
      coming = [];
      // many at once are one change of the page
      setTold((before) => ({ ...before, events: [...before.events, ...more], state: "live" }));
    };
    const open = () => {
      source = new EventSource(address("bridle/api/session/stream", { id, after: last }));
      source.onopen = () => say("live");
      source.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.seq <= last) return;
        last = event.seq;
        coming.push(event);
        flushing ??= setTimeout(flush, PAUSE);
      };
      source.addEventListener("end", () => {
        over = true;
        source.close();
        if (flushing) {
          clearTimeout(flushing);
          flush();
        }
        say("ended");
      });
      source.onerror = () => {
        say("lost");
        // a browser comes back from a broken connection, and gives up at a refusal
        if (source.readyState === EventSource.CLOSED) again = setTimeout(open, AGAIN);
      };
    };
    setTold({ id, events: [], state: "connecting" });
    open();
    // a browser has few connections to one server: a window that nobody sees leaves its own to others
    const seen = () => {
      if (over) return;
      clearTimeout(again);
      source.close();
      if (document.hidden) say("paused");
      else open();
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      source.close();
      clearTimeout(again);
      clearTimeout(flushing);
    };
  }, [id]);
  return told.id === id ? told : { events: [], state: "connecting" };
}
