// One message as nodes: bubbles, posts, button groups, cards, images, transfers.
import { coin, grouped, node } from "./dom.js";
import { markdown } from "./markdown.js";
import { say, spoken } from "./words.js";

const clock = (text) => new Date(text).toLocaleTimeString(spoken() === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });

const LINK = /https?:\/\/[^\s<>"）)]+/g;

const linked = (text) => {
  const pieces = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    pieces.push(text.slice(from, found.index), node("a", { href: found[0], target: "_blank", rel: "noopener noreferrer", text: found[0] }));
    from = found.index + found[0].length;
  }
  return [...pieces, text.slice(from)];
};

const tick = (message) => {
  if (!message.mine) return null;
  const read = message.status === "READ";
  return node("span", { class: read ? "tick read" : "tick", "aria-label": say(read ? "read" : "delivered"), text: read ? "✓✓" : "✓" });
};

const foot = (message) => node("span", { class: "foot" }, node("time", { datetime: message.created_at, text: clock(message.created_at) }), tick(message));

const bubble = (message, ...children) => node("div", { class: "bubble" }, ...children, foot(message));

const button = (message, item, index, press, shape) => {
  const made = node("button", {
    type: "button", class: shape, testid: "button", data: { action: item.action, label: item.label }, onclick: () => press(message, index, item),
  }, node("span", { text: item.label }), item.action.startsWith("input:") ? null : node("span", { class: "out", "aria-hidden": "true", text: "↗" }));
  made.style.setProperty("--tint", item.color);
  return made;
};

const SHAPES = {
  PLAIN_TEXT: (message) => bubble(message, node("p", { class: "text" }, ...linked(message.text))),
  PLAIN_POST: (message) => node("div", { class: "bubble post" }, ...markdown(message.text), foot(message)),
  APP_BUTTON_GROUP: (message, press) => node("div", { class: "buttons", role: "group" }, ...message.buttons.map((item, i) => button(message, item, i, press, "tap"))),
  APP_CARD: (message, press) => {
    const { card } = message;
    const cover = card.cover_url ?? card.cover?.url;
    const icon = card.icon_url ?? "";
    const tappable = card.action ? { tabindex: "0", role: "button", onclick: () => press(message, 0, card), onkeydown: (e) => e.key === "Enter" && press(message, 0, card) } : {};
    return node("div", { class: "card", testid: "card", ...tappable },
      cover ? node("img", { class: "cover", src: cover, alt: "", onerror: (e) => e.target.remove() }) : null,
      icon ? node("img", { class: "icon", src: icon, alt: "", onerror: (e) => e.target.remove() }) : null,
      node("h4", { text: card.title }), node("p", { class: "text", text: card.description }),
      card.actions?.length ? node("div", { class: "actions" }, ...card.actions.map((item, i) => button(message, item, i, press, "act"))) : null,
      foot(message));
  },
  PLAIN_IMAGE: (message) => {
    const { image } = message;
    const picture = node("img", { src: image.view_url, alt: say("image"), width: image.width, height: image.height, loading: "lazy", testid: "image" });
    return node("div", { class: "bubble picture" }, node("a", { href: image.view_url, target: "_blank", rel: "noopener" }, picture), foot(message));
  },
  PLAIN_DATA: (message) => bubble(message, node("a", { class: "file", href: message.file.view_url, download: message.file.name ?? "", text: `${say("file")} · ${message.file.name ?? ""}` })),
  SYSTEM_SAFE_SNAPSHOT: (message) => {
    const { transfer } = message;
    const incoming = !transfer.amount.startsWith("-");
    const amount = grouped(transfer.amount.replace("-", ""));
    return node("div", { class: incoming ? "transfer in" : "transfer out-going", testid: "transfer", data: { amount: transfer.amount, assetId: transfer.asset_id } },
      coin(transfer.symbol),
      node("div", {}, node("strong", { text: `${incoming ? "+" : "−"}${amount} ${transfer.symbol}` }), node("span", { class: "kind", text: `${say(incoming ? "received" : "sent")} · ${transfer.network}` })),
      foot(message));
  },
};

export const day = (text) => {
  const date = new Date(text);
  if (date.toDateString() === new Date().toDateString()) return say("today");
  return date.toLocaleDateString(spoken() === "zh" ? "zh-CN" : "en-GB", { weekday: "short", day: "numeric", month: "short" });
};

export const draw = (message, press) => {
  const facts = { class: message.mine ? "row mine" : "row", testid: "message", data: { messageId: message.message_id, category: message.category, mine: String(message.mine), sequence: message.sequence } };
  if (message.recalled) return node("li", facts, node("p", { class: "recalled", text: say(message.mine ? "recalledMine" : "recalled") }));
  const shape = SHAPES[message.category];
  return node("li", facts, shape ? shape(message, press) : node("p", { class: "recalled", text: say("unknown", message.category) }));
};
