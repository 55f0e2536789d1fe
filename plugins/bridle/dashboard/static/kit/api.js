// Requests to Bridle's API, and to Airflow's own where an answer or an end is Airflow's business.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  // nobody has decided it: the same may be answered a little later
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function address(path, params = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url.toString();
}

export const get = (path, params, signal) => call("GET", address(`bridle/api/${path}`, params), undefined, signal);
export const post = (path, params, body) => call("POST", address(`bridle/api/${path}`, params), body);
export const patchAirflow = (path, body) => call("PATCH", address(path), body);

async function call(method, url, body, signal) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(url, {
      method,
      signal,
      headers,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "Airflow cannot be reached; is its API server up?");
  }
  if (!answer.ok) throw new Refused(answer.status, await reason(answer));
  return answer.status === 204 ? null : answer.json();
}

async function reason(answer) {
  const words = { 401: "You are not logged in any more: reload this page to log in.", 403: "You have no right to this, or it does not exist." };
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string" && detail !== "Forbidden") return detail;
    if (Array.isArray(detail)) return detail.map(({ loc, msg }) => `${loc[loc.length - 1]}: ${msg}`).join("; ");
  } catch {
    // no JSON: the status has to do
  }
  if (answer.status >= 500) return `Airflow answered ${answer.status}: it, or its database, is in trouble; its API server\'s log says why.`;
  return words[answer.status] ?? `Airflow answered ${answer.status}.`;
}
