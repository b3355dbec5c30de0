// The room: who one is, the wallet, and the conversation with the bot.
import { $, ask, coin, grouped, node, paint } from "./dom.js";
import { day, draw } from "./messages.js";
import { page, pay, shut, transfer } from "./sheet.js";
import { role, say, speak, spoken } from "./words.js";

const room = { bot: null, people: [], me: null, seen: 0, shown: new Map(), lastDay: "", met: false, stream: null, busy: Promise.resolve(), waiting: false };

// Another bot than the one that matters most: ?bot=stop in the address of this page.
const other = new URLSearchParams(location.search).get("bot");
const of = (path) => (other ? `${path}${path.includes("?") ? "&" : "?"}bot=${encodeURIComponent(other)}` : path);

const remember = (key, value) => { try { localStorage.setItem(`mrmarket.${key}`, value); } catch { /* private mode */ } };
const recall = (key) => { try { return localStorage.getItem(`mrmarket.${key}`); } catch { return null; } };

const toast = (text) => {
  const shown = $("toast");
  shown.textContent = text;
  shown.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { shown.hidden = true; }, 5000);
};

const trying = async (deed) => {
  try { return await deed(); } catch (error) { toast(say("failed", error.message)); return null; }
};

const me = () => encodeURIComponent(room.me.name);

// ---- wallet

const worthOf = (balances) => balances.reduce((sum, b) => sum + Number(b.amount) * Number(b.price_usd), 0);

const showWallet = (balances) => {
  const held = balances.filter((b) => b.amount !== "0" || b.pending !== "0");
  const known = new Map([...$("balances").children].map((item) => [item.dataset.assetId, item.dataset.amount]));
  const firsts = new Set();
  const mark = (b) => (firsts.has(b.symbol) ? `amount-${b.asset_id}` : (firsts.add(b.symbol), `amount-${b.symbol}`));
  $("balances").replaceChildren(...(held.length ? held : [null]).map((b) => (b
    ? node("li", { data: { assetId: b.asset_id, symbol: b.symbol, amount: b.amount }, testid: "balance", class: known.has(b.asset_id) && known.get(b.asset_id) !== b.amount ? "changed" : null },
      coin(b.symbol), node("div", { class: "name" }, node("strong", { text: b.symbol }), node("small", { text: b.price_usd === "0" ? `${b.network} · ${say("unpriced")}` : b.network })),
      node("div", { class: "amount" }, node("span", { text: grouped(b.amount), testid: mark(b), data: { amount: b.amount } }), b.pending === "0" ? null : node("small", { text: `… ${grouped(b.pending)}` })))
    : node("li", { class: "none", text: say("worthless") }))));
  $("worth").textContent = `≈ $${worthOf(balances).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
};

// ---- messages

const atEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 120;
const toEnd = () => { $("scroll").scrollTop = $("scroll").scrollHeight; };

const put = (message) => {
  const made = draw(message, press);
  const old = room.shown.get(message.sequence);
  // A row that looks as before stays: who has its button in focus keeps it.
  if (old?.isEqualNode(made)) return;
  if (old) old.replaceWith(made);
  else {
    const today = day(message.created_at);
    if (today !== room.lastDay) $("messages").append(node("li", { class: "day", role: "separator", text: today }));
    room.lastDay = today;
    $("messages").append(made);
  }
  room.shown.set(message.sequence, made);
};

const refresh = async () => {
  const who = me();
  const [{ messages, version }, { balances }] = await Promise.all([ask(of(`/people/${who}/messages?after=${room.seen}`)), ask(`/people/${who}/wallet`)]);
  if (who !== me()) return;
  const stay = atEnd();
  messages.forEach(put);
  room.seen = version;
  showWallet(balances);
  if (messages.some((message) => !message.category.startsWith("SYSTEM_"))) room.met = true;
  $("welcome").hidden = room.met;
  $("welcome").classList.toggle("slim", room.shown.size > 0);
  if (!messages.length) return;
  if (stay || messages.some((message) => message.mine)) toEnd();
  else $("to-end").hidden = false;
  if (messages.some((message) => !message.mine && message.status !== "READ")) await ask(`/people/${who}/read`, {});
};

// Refreshes run one after another, and at most one waits for its turn.
const refreshed = () => {
  if (room.waiting) return room.busy;
  room.waiting = true;
  const turn = () => { room.waiting = false; return refresh(); };
  room.busy = room.busy.then(turn).catch(() => showLink(false));
  return room.busy;
};

const showLink = (up) => {
  $("link-state").textContent = say(up ? "online" : "offlineState");
  $("link-state").classList.toggle("up", up);
};

const listen = () => {
  room.stream?.close();
  room.stream = new EventSource(`/sandbox/people/${me()}/events`);
  room.stream.onopen = () => { showLink(true); refreshed(); };
  room.stream.onmessage = refreshed;
  room.stream.onerror = () => {
    showLink(false);
    if (room.stream.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  };
};

// ---- deeds

const sayText = (text) => trying(() => ask(of(`/people/${me()}/say`), { text }));

const press = (message, index, item) => trying(async () => {
  const told = await ask(of(`/people/${me()}/press`), { message_id: message.message_id, index });
  if (told.kind === "pay") await pay(me(), told.link);
  else if (told.kind === "page") page(told.link, item.label ?? item.title);
  else if (told.kind === "input") toEnd();
});

const be = async (person) => {
  room.me = person;
  remember("person", person.name);
  room.seen = 0;
  room.met = false;
  room.lastDay = "";
  room.shown.clear();
  $("messages").replaceChildren();
  $("balances").replaceChildren();
  $("to-end").hidden = true;
  shut();
  document.body.classList.remove("side-open");
  tell(recall("language") ?? person.language);
  listen();
};

const showPeople = () => {
  $("people").replaceChildren(...room.people.map((person) => {
    const mine = person.name === room.me.name;
    return node("button", { type: "button", role: "radio", "aria-checked": String(mine), tabindex: mine ? "0" : "-1", testid: `person-${person.name.toLowerCase()}`, onclick: () => be(person) },
      paint(node("span", { class: "face", "aria-hidden": "true" }), person.name, 1),
      node("span", {}, node("strong", { text: person.name }), node("small", { text: role(person.name) || person.identity_number })));
  }));
};

const tell = (language) => {
  speak(language);
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === spoken()));
  showPeople();
  const { bot } = room;
  showLink($("link-state").classList.contains("up"));
  document.title = bot.name;
  $("bot-name").textContent = $("welcome-title").textContent = bot.name;
  $("bot-line").textContent = say("botLine", bot.identity_number);
  paint($("bot-face"), bot.name, 1);
  paint($("welcome-face"), bot.name, 1);
};

const redraw = () => {
  room.seen = 0;
  room.lastDay = "";
  room.shown.clear();
  $("messages").replaceChildren();
  refreshed();
};

const wire = () => {
  const box = $("composer");
  const grow = () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 120)}px`; };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("form").requestSubmit(); }
  });
  $("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    grow();
    box.focus(); // now, not when the answer is there: by then one may be elsewhere
    if (await sayText(text) === null && !box.value) box.value = text;
  });
  $("hi").addEventListener("click", () => sayText(say("hiText")));
  $("transfer").addEventListener("click", () => trying(() => transfer(me(), { recipient: { ...room.bot, is_bot: true } }, `https://mixin.one/pay/${room.bot.user_id}`)));
  $("to-end").addEventListener("click", toEnd);
  $("scroll").addEventListener("scroll", () => { if (atEnd()) $("to-end").hidden = true; });
  $("show-side").addEventListener("click", (event) => { event.stopPropagation(); document.body.classList.toggle("side-open"); });
  document.querySelector(".phone").addEventListener("click", () => document.body.classList.remove("side-open"));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") document.body.classList.remove("side-open"); });
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => { remember("language", button.dataset.language); tell(button.dataset.language); redraw(); });
  }
  $("people").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...$("people").children];
    const next = (all.indexOf(document.activeElement) + step + all.length) % all.length;
    be(room.people[next]).then(() => $("people").children[next].focus());
  });
};

const start = async () => {
  const { bot, people } = await ask(of("/people"));
  Object.assign(room, { bot, people });
  const asked = new URLSearchParams(location.search).get("as") ?? recall("person");
  wire();
  await be(people.find((person) => person.name.toLowerCase() === asked?.toLowerCase()) ?? people[0]);
  $("composer").focus();
};

start().catch((error) => toast(error.message));
