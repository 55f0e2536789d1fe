import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

const read = (name) => readFile(new URL(`../${name}`, import.meta.url), "utf8");

test("the page loads the style and the behaviour, and has a place for the board and a form", async () => {
  const html = await read("index.html");
  for (const part of ['href="style.css"', 'src="src/app.js"', 'type="module"', 'id="board"', 'id="new-card"']) {
    assert.ok(html.includes(part), part);
  }
});

test("the style lays columns side by side and shows where a card may be dropped", async () => {
  const css = await read("style.css");
  for (const part of [".board", "display: grid", ".card", ".over"]) assert.ok(css.includes(part), part);
});

test("a title from the form becomes a card, and a dropped card changes its column and is kept", async () => {
  const { createApp } = await import("../src/app.js");
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const root = { innerHTML: "" };
  const app = createApp(root, storage);
  app.add("Write the tests");
  const [, id] = root.innerHTML.match(/data-card="([^"]+)"/);
  app.drop(id, "done");
  const again = { innerHTML: "" };
  createApp(again, storage);
  assert.equal(again.innerHTML, root.innerHTML);
  assert.match(root.innerHTML, /data-column="done"[\s\S]*Write the tests/);
});
