import assert from "node:assert/strict";
import test from "node:test";
import { renderBoard } from "../src/render.js";

const board = {
  columns: [
    { id: "todo", title: "To do", cards: [{ id: "c1", title: "<b>bold</b> & \"quoted\"" }] },
    { id: "done", title: "Done", cards: [] },
  ],
};

test("every column and card is in the page, and can be found by its id", () => {
  const html = renderBoard(board);
  for (const part of ['data-column="todo"', 'data-column="done"', 'data-card="c1"', 'draggable="true"', "To do"]) {
    assert.ok(html.includes(part), part);
  }
});

test("a title is text, never markup", () => {
  const html = renderBoard(board);
  assert.ok(!html.includes("<b>"));
  assert.ok(html.includes("&lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;"));
});
