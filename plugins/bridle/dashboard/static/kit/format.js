// Numbers and times as people read them. Money comes as a decimal string, and null means unknown: never 0.

const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export const count = (number) => (number === null || number === undefined ? "unknown" : whole.format(number));
export const compact = (number) => (number < 10_000 ? whole.format(number) : short.format(number));

export function dollars(amount) {
  if (amount === null || amount === undefined) return "unknown";
  const value = Number(amount);
  if (value === 0) return "$0";
  const digits = value >= 100 ? 0 : value >= 1 ? 2 : value >= 0.001 ? 4 : 6;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

// somebody has set it: no more digits than it has
export const limit = (amount) => dollars(amount).replace(/(\.\d\d)0+$/, "$1");

// what is known, and that something is not: where nothing is, 0 would be a guess
export const cost = ({ known_usd, unknown_calls }) => {
  if (unknown_calls === 0) return dollars(known_usd);
  return Number(known_usd) === 0 ? "unknown" : `${dollars(known_usd)} + unknown`;
};

export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

export const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`);

export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 0.1) return `${Math.round(milliseconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const ago = (moment, now = Date.now()) => {
  const seconds = Math.max(0, now - Date.parse(moment)) / 1000;
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
};

const DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

// the time zone that the user has chosen in Airflow, else the browser's
const zone = () => {
  try {
    return JSON.parse(localStorage.getItem("timezone")) || undefined;
  } catch {
    return undefined;
  }
};
const told = (moment, parts) => new Intl.DateTimeFormat("sv-SE", { timeZone: zone(), ...parts }).format(new Date(moment));

export const zoneName = () => told(Date.now(), { timeZoneName: "short" }).split(" ").pop();
export const time = (moment) => (moment ? told(moment, { ...DAY, ...CLOCK, timeZoneName: "short" }) : "");
export const clock = (moment) => (moment ? told(moment, CLOCK) : "");
export const commit = (name) => (name ? name.slice(0, 10) : "–");
export const step = (task_id, map_index) => (map_index >= 0 ? `${task_id}[${map_index}]` : task_id);

// untrusted: only what a browser opens without running it
export const webLink = (url) => (/^https?:\/\//.test(url ?? "") ? url : null);
