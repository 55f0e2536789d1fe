import assert from "node:assert/strict";
import test from "node:test";
import { addCard, createBoard, moveCard } from "../src/board.js";

test("a new board has the three columns, all empty", () => {
  const board = createBoard();
  assert.deepEqual(board.columns.map((column) => column.id), ["todo", "doing", "done"]);
  assert.ok(board.columns.every((column) => column.cards.length === 0));
});

test("a card is added to the end of a column, and has an id of its own", () => {
  const board = addCard(addCard(createBoard(), "todo", "one"), "todo", "two");
  const [first, second] = board.columns[0].cards;
  assert.deepEqual([first.title, second.title], ["one", "two"]);
  assert.notEqual(first.id, second.id);
});

test("a card without a title is not added", () => {
  assert.deepEqual(addCard(createBoard(), "todo", "   "), createBoard());
});

test("a card moves to another column, and the old board stays as it was", () => {
  const before = addCard(createBoard(), "todo", "one");
  const { id } = before.columns[0].cards[0];
  const after = moveCard(before, id, "done");
  assert.equal(after.columns[0].cards.length, 0);
  assert.equal(after.columns[2].cards[0].title, "one");
  assert.equal(before.columns[0].cards.length, 1);
});

test("moving a card that is not there changes nothing", () => {
  const board = addCard(createBoard(), "todo", "one");
  assert.deepEqual(moveCard(board, "nobody", "done"), board);
});
