// Building nodes, talking to the control surface, and showing amounts.

export const $ = (id) => document.getElementById(id);

// node("button", {class: "x", testid: "y", text: "z", onclick: f}, child…)
export const node = (tag, facts = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "testid") made.dataset.testid = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

export const ask = async (path, body) => {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`/sandbox${path}`, options);
  const told = await answer.json();
  if (told.error) throw Object.assign(new Error(told.error.extra?.reason ?? told.error.description), { code: told.error.code });
  return told;
};

// "1234.50" -> "1,234.50": grouped, never rounded.
export const grouped = (amount) => {
  const [whole, fraction] = amount.split(".");
  const shown = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction ? `${shown}.${fraction}` : shown;
};

const HUES = { BTC: "#F7931A", ETH: "#627EEA", USDT: "#26A17B", USDC: "#2775CA", SOL: "#8A63F0", XIN: "#3D75E3", XRP: "#5A6B7D" };

export const hue = (name) => {
  if (HUES[name]) return HUES[name];
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return `hsl(${sum} 55% 52%)`;
};

// A round face or coin with initials, in the colour of its name.
export const paint = (made, name, letters = 1) => {
  made.textContent = [...name].slice(0, letters).join("");
  made.style.setProperty("--hue", hue(name));
  return made;
};

export const coin = (symbol) => paint(node("span", { class: "coin", "aria-hidden": "true" }), symbol, symbol.length > 4 ? 1 : 4);
