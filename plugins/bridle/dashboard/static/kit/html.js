// React and Chakra are those of Airflow's own page; htm gives templates without a build step.
import htm from "../vendor/htm.js";

export const { React, ChakraUI, ReactRouterDOM } = globalThis;
export const html = htm.bind(React.createElement);
export const { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } = React;
