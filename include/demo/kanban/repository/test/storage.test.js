import assert from "node:assert/strict";
import test from "node:test";
import { load, save } from "../src/storage.js";

const shelf = () => {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
};

test("what was saved is loaded again", () => {
  const storage = shelf();
  const board = { columns: [{ id: "todo", title: "To do", cards: [{ id: "1", title: "one" }] }] };
  save(storage, board);
  assert.deepEqual(load(storage, null), board);
});

test("nothing saved gives the fallback", () => {
  assert.equal(load(shelf(), "fallback"), "fallback");
});

test("something broken gives the fallback", () => {
  const storage = shelf();
  storage.setItem("board", "{");
  assert.equal(load(storage, "fallback"), "fallback");
});
