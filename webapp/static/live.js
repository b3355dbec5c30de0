"use strict";

// Keeps the figures as they are now. They come as a piece of the page, worded and escaped by the server.
const MINUTE_MS = 60000;
const PATIENCE_MS = 6000;  // news come each second; a connection that died without a word brings none
const figures = document.getElementById("figures");
const off = document.getElementById("off");
const chart = document.getElementById("chart");
let stream = null;
let waiting = null;

function expectNews() {
  clearTimeout(waiting);
  waiting = setTimeout(() => { off.hidden = false; }, PATIENCE_MS);
}

function show(event) {
  const piece = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
  figures.replaceChildren(...piece.body.childNodes);
  off.hidden = true;
  expectNews();
}

function end() {
  stream.close();
  clearTimeout(waiting);
  figures.remove();
  chart.remove();
  off.hidden = true;
  document.querySelector("nav.own").remove();  // nothing there opens any more
  document.getElementById("over").hidden = false;
}

// Minutes become known one by one. A line that could not be had anew says itself until when it goes.
async function draw() {
  if (document.hidden || !chart.isConnected) return;
  const answer = await fetch(chart.dataset.chart).catch(() => null);
  if (!answer || !answer.ok) return;
  const piece = new DOMParser().parseFromString(await answer.text(), "text/html");
  chart.replaceChildren(...piece.body.childNodes);
}

function listen() {
  stream = new EventSource(figures.dataset.events);
  stream.addEventListener("figures", show);
  stream.addEventListener("over", end);
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) off.hidden = false;
  });
  expectNews();
}

// Who does not look is not told, so that a forgotten page does not keep a visit open.
document.addEventListener("visibilitychange", () => {
  if (!figures.isConnected) return;
  if (stream) stream.close();
  clearTimeout(waiting);
  if (!document.hidden) listen();
});
if (!document.hidden) listen();
setInterval(draw, MINUTE_MS);
