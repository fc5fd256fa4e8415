// Keeps what is marked data-live as the server has it now. The pages work without this file: it
// fetches the page anew when the change stream says that something has come, and once a minute for
// the times, and puts the marked parts in the places of the old ones. It makes no markup.
"use strict";

const GAP = 3000; // between two looks, however much comes in
const SHARE = 20; // and so many times what the latest look took: a page is no load for its daemon
const TICK = 60000;
const regions = () => document.querySelectorAll("[data-live]");

let stream = null;
let planned = false;
let latest = 0;
let took = 0;

function plan() {
  if (planned || document.hidden) return;
  planned = true;
  setTimeout(look, Math.max(Math.max(GAP, SHARE * took) - (Date.now() - latest), 300));
}

async function look() {
  latest = Date.now();
  planned = false;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The daemon is being restarted: the next change, or the next minute, tries again.
  }
  took = Date.now() - latest;
}

function put(page) {
  document.body.dataset.seq = page.body.dataset.seq;
  for (const old of regions()) {
    const fresh = page.getElementById(old.id);
    // What somebody is using stays under his hands.
    if (!fresh || (old.contains(document.activeElement) && document.activeElement !== old)) continue;
    const opened = old.querySelectorAll("details");
    fresh.querySelectorAll("details").forEach((one, place) => {
      if (opened[place]) one.open = opened[place].open;
    });
    old.replaceWith(document.adoptNode(fresh));
  }
}

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource(`/v1/changes?since=${document.body.dataset.seq}`);
  const mark = document.getElementById("live");
  stream.addEventListener("open", () => { mark.hidden = false; });
  stream.addEventListener("error", () => { mark.hidden = true; });
  stream.addEventListener("change", (event) => {
    const only = document.body.dataset.only;
    if (!only || JSON.parse(event.data).id === only) plan();
  });
}

function hush() {
  stream?.close();
  stream = null;
}

if (regions().length) {
  listen();
  setInterval(plan, TICK);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hush();
    } else {
      plan();
      listen();
    }
  });
  addEventListener("pagehide", hush);
}
