// A button that asks once more before it acts, and says what became of it.
import { ChakraUI, html, useEffect, useRef, useState } from "./html.js";
import { Trouble } from "./parts.js";

const { Box, Button, Flex, Text } = ChakraUI;

// act: () => promise; question: what the user agrees to; onDone gets what `act` gave
export const Confirm = ({ children, question, act, onDone, testid, palette = "red" }) => {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const yes = useRef(null);
  const button = useRef(null);
  const asked = useRef(false);
  useEffect(() => {
    // who goes by keys stays where they were
    if (asking) yes.current?.focus();
    else if (asked.current) button.current?.focus();
    asked.current = asking;
  }, [asking]);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      onDone?.(await act());
      setAsking(false);
    } catch (refused) {
      setError(refused);
    }
    setBusy(false);
  };
  if (!asking) {
    return html`<${Button} ref=${button} size="sm" variant="outline" colorPalette=${palette} data-testid=${testid}
      onClick=${() => setAsking(true)}>${children}<//>`;
  }
  return html`
    <${Box} role="alertdialog" aria-label=${question} borderWidth="1px" borderColor="border.emphasized" borderRadius="md" p=${3}
      maxW="28rem" textAlign="start" onKeyDown=${(event) => event.key === "Escape" && setAsking(false)}>
      <${Text} fontSize="sm" mb=${2}>${question}<//>
      ${error && html`<${Trouble} error=${error} />`}
      <${Flex} gap=${2}>
        <${Button} ref=${yes} size="xs" colorPalette=${palette} loading=${busy} data-testid="${testid}-yes" onClick=${go}>Yes<//>
        <${Button} size="xs" variant="outline" disabled=${busy} data-testid="${testid}-no" onClick=${() => setAsking(false)}>No<//>
      <//>
    <//>`;
};
