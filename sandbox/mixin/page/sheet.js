// What slides over the conversation: the pay sheet, the transfer form, and a page in the phone's frame.
import { $, ask, coin, grouped, node, paint } from "./dom.js";
import { say } from "./words.js";

const NOT_ENOUGH = 20117; // the protocol's code

let restore = null;

export const shut = () => {
  const overlay = $("overlay");
  if (overlay.hidden) return;
  overlay.hidden = true;
  overlay.replaceChildren();
  restore?.focus();
};

const focusable = (root) => [...root.querySelectorAll("button, input, select, a[href], iframe")].filter((it) => !it.disabled);

const keys = (event) => {
  if (event.key === "Escape") { event.stopPropagation(); shut(); }
  if (event.key !== "Tab") return;
  const all = focusable($("overlay"));
  const edge = event.shiftKey ? all[0] : all.at(-1);
  if (document.activeElement === edge) { event.preventDefault(); (event.shiftKey ? all.at(-1) : all[0]).focus(); }
};

const open = (sheet) => {
  const overlay = $("overlay");
  if (overlay.hidden) restore = document.activeElement;
  overlay.onkeydown = keys;
  overlay.onclick = (event) => { if (event.target === overlay) shut(); };
  overlay.replaceChildren(sheet);
  overlay.hidden = false;
  (sheet.querySelector("[data-first]") ?? focusable(sheet)[0])?.focus();
};

const dialog = (testid, title, ...children) => node("div", { class: "sheet", role: "dialog", "aria-modal": "true", "aria-labelledby": "sheet-title", testid },
  node("header", {}, node("h3", { id: "sheet-title", text: title }), node("button", { type: "button", class: "round", "aria-label": say("close"), text: "✕", onclick: shut })),
  ...children);

const line = (label, testid, ...value) => node("div", { class: "line" }, node("dt", { text: label }), node("dd", { testid }, ...value));

const finished = (ok, title, help) => node("div", { class: ok ? "mark good" : "mark warn", role: "status", testid: "pay-status", data: { state: ok ? "paid" : "already_paid" } },
  node("span", { class: "tickmark", "aria-hidden": "true", text: ok ? "✓" : "!" }), node("strong", { text: title }), help ? node("p", { text: help }) : null);

const closing = (text) => node("div", { class: "choices" }, node("button", { type: "button", class: "primary", testid: "pay-done", "data-first": true, text, onclick: shut }));

const face = (someone) => paint(node("span", { class: someone.is_bot ? "face bot-face" : "face", "aria-hidden": "true" }), someone.name, 1);

const settle = async (who, link, chosen, note, confirm) => {
  confirm.disabled = true;
  confirm.textContent = say("paying");
  try {
    const told = await ask(`/people/${who}/pay`, { link, ...chosen });
    const paid = told.status === "paid";
    open(dialog("pay-sheet", say("payTitle"), finished(paid, say(paid ? "paid" : "alreadyPaid"), paid ? "" : say("alreadyPaidHelp")), closing(say("done"))));
  } catch (error) {
    note.textContent = error.code === NOT_ENOUGH ? say("short") : say("failed", error.message);
    confirm.disabled = false;
    confirm.textContent = say("confirm");
  }
};

const facts = (sheet) => node("dl", { class: "lines" },
  line(say("to"), "pay-recipient", face(sheet.recipient), node("span", { text: sheet.recipient.name }), node("small", { text: sheet.recipient.identity_number })),
  sheet.asset ? line(say("asset"), "pay-asset", coin(sheet.asset.symbol), node("span", { text: sheet.asset.symbol }), node("small", { text: sheet.asset.network })) : null,
  sheet.memo ? line(say("memo"), "pay-memo", node("code", { text: sheet.memo })) : null);

// A pay link with coin and amount: look, then Confirm or Cancel.
export const pay = async (who, link) => {
  const sheet = await ask(`/people/${who}/pay?link=${encodeURIComponent(link)}`);
  if (sheet.paid) {
    open(dialog("pay-sheet", say("payTitle"), facts(sheet), finished(false, say("alreadyPaid"), say("alreadyPaidHelp")), closing(say("close"))));
    return;
  }
  if (!sheet.asset || !sheet.amount) { await transfer(who, sheet, link); return; }
  const note = node("p", { class: "note bad", role: "alert", testid: "pay-error", text: sheet.enough ? "" : say("short") });
  const confirm = node("button", { type: "button", class: "primary", testid: "pay-confirm", text: say("confirm"), disabled: !sheet.enough, "data-first": sheet.enough });
  confirm.addEventListener("click", () => settle(who, link, {}, note, confirm));
  open(dialog("pay-sheet", say("payTitle"),
    node("p", { class: "sum", testid: "pay-amount", data: { amount: sheet.amount } }, node("strong", { text: grouped(sheet.amount) }), ` ${sheet.asset.symbol}`),
    facts(sheet),
    node("p", { class: "note" }, node("span", { testid: "pay-balance", text: say("balance", `${grouped(sheet.balance)} ${sheet.asset.symbol}`) }), ` · ${say("free")}`),
    note,
    node("div", { class: "choices" }, node("button", { type: "button", class: "quiet", testid: "pay-cancel", text: say("cancel"), onclick: shut }), confirm)));
};

const networkOf = (b) => (b.price_usd === "0" ? `${b.network} (${say("unpriced")})` : b.network);
const field = (label, input) => node("label", { class: "field" }, node("span", { text: label }), input);

// The transfer screen: coin, amount and memo are the person's to choose.
export const transfer = async (who, sheet, link) => {
  const { balances } = await ask(`/people/${who}/wallet`);
  const choices = balances.filter((b) => b.amount !== "0" && (!sheet.asset || b.asset_id === sheet.asset.asset_id));
  const select = node("select", { testid: "transfer-asset" }, ...choices.map((b) => node("option", { value: b.asset_id, text: `${b.symbol} · ${networkOf(b)} · ${grouped(b.amount)}` })));
  const amount = node("input", { inputmode: "decimal", testid: "transfer-amount", placeholder: "0.00", required: true, "data-first": true, value: sheet.amount ?? "" });
  const memo = node("input", { testid: "transfer-memo", maxlength: 200, placeholder: say("memoHint"), value: sheet.memo ?? "" });
  const note = node("p", { class: "note bad", role: "alert", testid: "pay-error" });
  const confirm = node("button", { type: "submit", class: "primary", testid: "pay-confirm", text: say("confirm"), disabled: choices.length === 0 });
  const form = node("form", { class: "fields", onsubmit: (event) => {
    event.preventDefault();
    settle(who, link, { asset_id: select.value, amount: amount.value.trim(), memo: memo.value }, note, confirm);
  } }, field(say("asset"), select), field(say("amount"), amount), field(say("memo"), memo), note,
  node("div", { class: "choices" }, node("button", { type: "button", class: "quiet", testid: "pay-cancel", text: say("cancel"), onclick: shut }), confirm));
  open(dialog("transfer-sheet", say("transferTitle"), facts({ ...sheet, asset: null, memo: "" }), form));
};

const LOCAL = /^http:\/\/(127\.0\.0\.1|localhost)(:\d+)?(\/|$)/;

// A page of this machine opens in the phone; any other in a tab of its own.
export const page = (address, title) => {
  if (!LOCAL.test(address)) return window.open(address, "_blank", "noopener,noreferrer") !== undefined;
  open(node("div", { class: "frame", role: "dialog", "aria-modal": "true", "aria-label": title, testid: "page-frame" },
    node("div", { class: "capsule" },
      node("a", { href: address, target: "_blank", rel: "noopener", "aria-label": say("openTab"), title: say("openTab"), text: "↗", testid: "page-open" }),
      node("button", { type: "button", "aria-label": say("close"), title: say("close"), text: "✕", onclick: shut, testid: "page-close", "data-first": true })),
    node("iframe", { src: address, title, sandbox: "allow-scripts allow-forms allow-same-origin allow-popups" })));
  return true;
};
