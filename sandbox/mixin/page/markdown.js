// A small Markdown reader that makes nodes and never markup from text.
import { node } from "./dom.js";

const INLINE = /(`[^`]+`)|(\*\*[^*]+\*\*)|(__[^_]+__)|(\*[^*\s][^*]*\*)|(~~[^~]+~~)|(\[[^\]]+\]\([^)\s]+\))/;

const link = (text, address) => {
  const safe = /^(https?:|mixin:)/i.test(address);
  return safe ? node("a", { href: address, target: "_blank", rel: "noopener noreferrer", text }) : document.createTextNode(text);
};

export const inline = (text) => {
  const found = INLINE.exec(text);
  if (!found) return text ? [document.createTextNode(text)] : [];
  const [piece, code, bold, underlined, slanted, struck] = found;
  let made;
  if (code) made = node("code", { text: piece.slice(1, -1) });
  else if (bold || underlined) made = node("strong", {}, ...inline(piece.slice(2, -2)));
  else if (slanted) made = node("em", {}, ...inline(piece.slice(1, -1)));
  else if (struck) made = node("s", {}, ...inline(piece.slice(2, -2)));
  else made = link(...piece.slice(1, -1).split("]("));
  return [...inline(text.slice(0, found.index)), made, ...inline(text.slice(found.index + piece.length))];
};

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

const table = (lines) => {
  const [head, rule, ...body] = lines;
  const sides = cells(rule).map((mark) => (mark.endsWith(":") ? (mark.startsWith(":") ? "middle" : "end") : "start"));
  const row = (tag, line) => node("tr", {}, ...cells(line).map((cell, i) => node(tag, { class: sides[i] }, ...inline(cell))));
  return node("div", { class: "table", tabindex: "0" }, node("table", {}, node("thead", {}, row("th", head)), node("tbody", {}, ...body.map((line) => row("td", line)))));
};

const KINDS = [
  ["fence", /^```/], ["heading", /^#{1,6}\s/], ["rule", /^(-{3,}|\*{3,}|_{3,})\s*$/], ["quote", /^>\s?/],
  ["ul", /^\s*[-*+]\s+/], ["ol", /^\s*\d+[.)]\s+/], ["table", /^\s*\|.*\|\s*$/], ["blank", /^\s*$/],
];
const kind = (line) => (KINDS.find(([, form]) => form.test(line)) ?? ["text"])[0];

const block = (name, lines) => {
  if (name === "heading") {
    const level = Math.min(lines[0].match(/^#+/)[0].length + 2, 6);
    return node(`h${level}`, {}, ...inline(lines[0].replace(/^#+\s+/, "")));
  }
  if (name === "rule") return node("hr");
  if (name === "quote") return node("blockquote", {}, ...markdown(lines.map((line) => line.replace(/^>\s?/, "")).join("\n")));
  if (name === "ul" || name === "ol") return node(name, {}, ...lines.map((line) => node("li", {}, ...inline(line.replace(/^\s*([-*+]|\d+[.)])\s+/, "")))));
  if (name === "table" && lines.length > 1) return table(lines);
  const pieces = lines.flatMap((line, i) => (i ? [node("br"), ...inline(line)] : inline(line)));
  return node("p", {}, ...pieces);
};

export const markdown = (text) => {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const made = [];
  for (let at = 0; at < lines.length;) {
    const name = kind(lines[at]);
    let end = at + 1;
    if (name === "fence") {
      while (end < lines.length && kind(lines[end]) !== "fence") end += 1;
      made.push(node("pre", { tabindex: "0" }, node("code", { text: lines.slice(at + 1, end).join("\n") })));
      at = end + 1;
      continue;
    }
    if (name !== "heading" && name !== "rule") while (end < lines.length && kind(lines[end]) === name) end += 1;
    if (name !== "blank") made.push(block(name, lines.slice(at, end)));
    at = end;
  }
  return made;
};
