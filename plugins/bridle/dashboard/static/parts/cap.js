// How much of what may be spent is spent; of two caps the one that is nearer counts.
import { compact, dollars, limit } from "../kit/format.js";

// null where nothing is capped
export const nearer = ({ spent_usd, cap_usd, spent_tokens, cap_tokens }) => {
  const caps = [];
  if (cap_usd !== null) caps.push({ unit: "usd", part: Number(spent_usd), whole: Number(cap_usd), spent: dollars(spent_usd), most: limit(cap_usd) });
  if (cap_tokens !== null) caps.push({ unit: "tokens", part: spent_tokens, whole: cap_tokens, spent: compact(spent_tokens), most: `${compact(cap_tokens)} tokens` });
  return caps.sort((one, other) => other.part / other.whole - one.part / one.whole)[0] ?? null;
};
