// Patches: each line with its sign, so that colour is not needed to read them.
import { ChakraUI, html, useState } from "../kit/html.js";
import { commit, count } from "../kit/format.js";
import { Card, Empty, Fold, Go, Quiet } from "../kit/parts.js";
import { Code } from "../kit/facts.js";

const { Box, Button, Flex, Text } = ChakraUI;

const MOST = 400;
const HEAD = /^(diff --git|index |--- |\+\+\+ |new file|deleted file|old mode|new mode|similarity|rename )/;

const paint = (line) => {
  if (HEAD.test(line)) return { color: "fg.muted" };
  if (line.startsWith("@@")) return { color: "fg.info" };
  if (line.startsWith("+")) return { bg: "green.subtle", color: "green.fg" };
  if (line.startsWith("-")) return { bg: "red.subtle", color: "red.fg" };
  return {};
};

export const DiffView = ({ text }) => {
  const [whole, setWhole] = useState(false);
  const lines = text.split("\n");
  const shown = whole ? lines : lines.slice(0, MOST);
  return html`
    <${Box} data-testid="diff" borderWidth="1px" borderColor="border.emphasized" borderRadius="md" overflow="auto" maxH="32rem" tabIndex=${0}
      role="region" aria-label="patch">
      <${Box} as="pre" m=${0} fontFamily="mono" fontSize="xs" lineHeight="1.55" minW="max-content" py=${1}>
        ${shown.map((line, index) => html`<${Box} key=${index} px=${2} minH="1.55em" ...${paint(line)}>${line}<//>`)}
      <//>
      ${shown.length < lines.length &&
      html`<${Button} size="xs" m=${2} variant="outline" onClick=${() => setWhole(true)}>${count(lines.length - MOST)} more lines<//>`}
    <//>`;
};

// files as the API has them: the head of a patch repeats the path, which is told above it
const body = (patch) => patch.slice(Math.max(0, patch.indexOf("\n@@") + 1));

export const Files = ({ files, truncated, open = false }) => html`
  <${Box}>
    ${files.map(
      (file) => html`
        <${Fold} key=${file.path} open=${open} testid="file"
          title=${html`<${Code}>${file.path}<//> <${Changed} added=${file.added} removed=${file.removed} />`}>
          <${DiffView} text=${body(file.patch).replace(/\n$/, "")} />
        <//>`,
    )}
    ${truncated && html`<${Text} fontSize="sm" color="fg.warning">▲ It was larger than the ledger keeps; the middle is left out.<//>`}
  <//>`;

export const Changed = ({ added, removed }) => html`
  <${Box} as="span" fontSize="xs" whiteSpace="nowrap" fontVariantNumeric="tabular-nums">
    <${Box} as="span" color="fg.success">+${count(added)}<//> <${Box} as="span" color="fg.error">−${count(removed)}<//>
  <//>`;

export const changed = (files) => ({
  added: files.reduce((total, file) => total + file.added, 0),
  removed: files.reduce((total, file) => total + file.removed, 0),
});

export const Changes = ({ diffs }) => {
  const all = [...(diffs.whole ? [{ ...diffs.whole, title: "In all", whole: true }] : []), ...diffs.sessions];
  if (all.length === 0) return html`<${Empty} testid="no-diff">Nothing has been changed (yet).<//>`;
  return all.map(
    (diff) => html`
      <${Card} key=${diff.session_id ?? "whole"} mb=${2} data-testid=${diff.whole ? "diff-whole" : "diff-session"} data-session=${diff.session_id}>
        <${Fold} open=${diff.whole || all.length === 1}
          title=${html`<b>${diff.title}</b> <${Changed} ...${changed(diff.files)} />
            <${Quiet}>${" "}in ${count(diff.files.length)} ${diff.files.length === 1 ? "file" : "files"}, commit ${commit(diff.commit)}<//>`}>
          <${Flex} direction="column" gap=${2} ps=${{ base: 0, md: 3 }}>
            <${Files} files=${diff.files} truncated=${diff.truncated} open=${diff.files.length <= 3} />
            ${diff.session_id && html`<${Box} fontSize="sm"><${Go} page="session" params=${{ id: diff.session_id }}>the session that did it<//><//>`}
          <//>
        <//>
      <//>`,
  );
};
