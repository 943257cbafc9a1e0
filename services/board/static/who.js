// Who is signed in: shown in the header with a way out, and asked by what only some roles may do.

import { brief, byId, h } from "./dom.js";

export const ROLES = {
  viewer: { zh: "查看", en: "viewer" },
  operator: { zh: "值班", en: "operator" },
  admin: { zh: "管理", en: "admin" },
};
const ORDER = Object.keys(ROLES);
const OFFICE = { zh: "值班室", en: "office" };
const PASSWORD = { zh: "改密码", en: "change password" };
const OUT = { zh: "退出", en: "sign out" };
const NOBODY = { name: "", role: "viewer", sign_in: "none" };

let asked = null;

/** Go and sign in, to come back to this address. */
export function signIn() {
  const here = location.pathname + location.search;
  location.assign(`/sign-in?next=${encodeURIComponent(here)}${location.hash}`);
}

/** Go and sign in if the session has ended. */
export async function checkSignedIn() {
  const response = await fetch("/v1/me").catch(() => null);
  if (response?.status === 401) signIn();
  return response?.ok ? response.json() : NOBODY;
}

/** Who uses this page: `{name, role, sign_in}`; while that cannot be had, somebody who may only look. */
export const me = () => (asked ??= checkSignedIn());

/** Whether that is someone of a role, or of one above it. */
export const may = async (role) => ORDER.indexOf((await me()).role) >= ORDER.indexOf(role);

async function leave() {
  await fetch("/v1/session", { method: "DELETE" });
  location.assign("/sign-in");
}

function button(words, clicked) {
  const made = h("button", { type: "button" }, brief(words));
  made.addEventListener("click", clicked);
  return made;
}

/** Show who is signed in. */
export async function showWho() {
  const { name, role, sign_in: way } = await me();
  if (way === "none") return;
  const box = byId("signed-in");
  box.replaceChildren(h("b", {}, name), h("span", { class: "role" }, brief(ROLES[role])));
  if (await may("operator") && location.pathname !== "/office") box.append(h("a", { href: "/office" }, brief(OFFICE)));
  if (way === "password") {
    box.append(button(PASSWORD, async () => (await import("./password.js")).changePassword()), button(OUT, leave));
  }
  box.hidden = false;
}
