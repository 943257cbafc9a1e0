// Talking to ingest. The key is handed in for each call and kept nowhere.

/** Ingest, or the way to it, says no: `message` is for the person, `wait` the seconds to wait (or null). */
export class Refused extends Error {
  constructor(message, { key = false, wait = null } = {}) {
    super(message);
    this.key = key;
    this.wait = wait;
  }
}

/**
 * Push a file; resolves to the answer. `progress(share)` is told how much has gone out, from 0 to 1.
 * An XMLHttpRequest, because fetch cannot tell how far an upload is.
 */
export async function push({ key, stream, file, type, dryRun, progress }) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Refused("文件在选好之后改动过，请重新选择 · the file has changed since: choose it again");
  }
  const request = new XMLHttpRequest();
  request.open("POST", `/v1/streams/${encodeURIComponent(stream)}${dryRun ? "?dry_run=true" : ""}`);
  request.setRequestHeader("Authorization", `Bearer ${key}`);
  request.setRequestHeader("Content-Type", type);
  request.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
  request.upload.addEventListener("load", () => progress(1));
  await new Promise((done) => {
    request.addEventListener("loadend", done);
    request.send(file);
  });
  const answer = parsed(request.responseText);
  if (typeof answer?.received === "number") return answer;
  throw refusal(request.status, answer, request.getResponseHeader("Retry-After"));
}

/** Fetch what only this agency may see; resolves to a Response. */
export async function fetchWith(key, path) {
  let response;
  try {
    response = await fetch(path, { headers: { Authorization: `Bearer ${key}` }, cache: "no-store" });
  } catch {
    throw refusal(0, null, null);
  }
  if (response.ok) return response;
  throw refusal(response.status, parsed(await response.text()), response.headers.get("Retry-After"));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(status, answer, retryAfter) {
  if (status === 0) {
    return new Refused("没有收到应答，请检查网络后再发一次；已收到的不会重复计数 · no answer: send it again, nothing is counted twice");
  }
  const message = answer?.detail ?? `HTTP ${status}`;
  const wait = /^\d+$/.test(retryAfter ?? "") ? Number(retryAfter) : null;
  return new Refused(message, { key: status === 401, wait });
}
