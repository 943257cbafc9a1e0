// Changing one's own password: all other sessions of the user end.

import { h, halves, pair } from "./dom.js";

const WORDS = {
  title: { zh: "改密码", en: "change password" },
  old: { zh: "原密码", en: "password so far" },
  next: { zh: "新密码（至少 12 个字符）", en: "new password (12 characters or more)" },
  again: { zh: "再输一次新密码", en: "new password once more" },
  differ: { zh: "两次输入的新密码不同", en: "the two new passwords differ" },
  save: { zh: "更改", en: "change" },
  cancel: { zh: "取消", en: "cancel" },
  done: { zh: "密码已改，其他地方的登录都已结束", en: "changed; you are signed out everywhere else" },
  close: { zh: "关闭", en: "close" },
};
const LOST = { zh: "连不上服务器，请稍后再试", en: "the server cannot be reached, try again later" };

const field = (words, name, complete) => h("label", {}, h("span", {}, pair(words)),
  h("input", { name, type: "password", autocomplete: complete, required: true, maxlength: 200 }));

async function problemOf(data) {
  const response = await fetch("/v1/me/password", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ old: data.get("old"), new: data.get("next") }),
  });
  return response.ok ? null : halves((await response.json()).detail);
}

/** Ask for the passwords and change it. */
export function changePassword() {
  const trouble = h("p", { class: "wrong", role: "alert" });
  const close = h("button", { type: "button", class: "plainly" }, pair(WORDS.cancel));
  const title = h("h2", { id: "password-title" }, pair(WORDS.title));
  const form = h("form", { method: "dialog" }, title,
    field(WORDS.old, "old", "current-password"), field(WORDS.next, "next", "new-password"), field(WORDS.again, "again", "new-password"),
    trouble, h("p", { class: "choice" }, h("button", { type: "submit", class: "do" }, pair(WORDS.save)), close));
  const dialog = h("dialog", { class: "order", "aria-labelledby": "password-title" }, form);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const wrong = data.get("next") === data.get("again") ? await problemOf(data).catch(() => LOST) : WORDS.differ;
    if (wrong) {
      trouble.replaceChildren(pair(wrong));
      return;
    }
    close.replaceChildren(pair(WORDS.close));
    form.replaceChildren(title, h("p", { role: "status" }, pair(WORDS.done)), h("p", { class: "choice" }, close));
    close.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}
