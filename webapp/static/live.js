"use strict";

// Keeps the figures as they are now. They come as a piece of the page, worded and escaped by the server.
const figures = document.getElementById("figures");
let stream = null;

function show(event) {
  const piece = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
  figures.replaceChildren(...piece.body.childNodes);
  document.getElementById("off").hidden = true;
}

function end() {
  stream.close();
  figures.remove();
  document.getElementById("over").hidden = false;
}

function listen() {
  stream = new EventSource(figures.dataset.events);
  stream.addEventListener("figures", show);
  stream.addEventListener("over", end);
  stream.addEventListener("error", () => {
    document.getElementById("off").hidden = stream.readyState !== EventSource.CLOSED;
  });
}

// Who does not look is not told, so that a forgotten page does not keep a visit open.
document.addEventListener("visibilitychange", () => {
  if (!figures.isConnected) return;
  if (stream) stream.close();
  if (!document.hidden) listen();
});
if (!document.hidden) listen();
