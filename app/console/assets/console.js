// Makes quicker what works without it: a sorted or filtered table is fetched and put in place.
"use strict";

const SOON = 150; // milliseconds without a key pressed
let asked = 0;
let waiting = 0;

document.documentElement.classList.add("live");

async function show(url, remember) {
  const mine = ++asked;
  const main = document.getElementById("main");
  main.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== asked) return;
    const fresh = page.getElementById("main");
    if (!answer.ok || fresh === null) throw new Error("not a page");
    put(main, fresh);
    document.title = page.title;
    again();
    if (remember) history[remember](null, "", url);
  } catch (error) {
    if (mine === asked) location.assign(url);
  }
}

// Who types or has come by the keyboard goes on where they were.
function put(old, fresh) {
  const at = document.activeElement;
  const id = old.contains(at) ? at.id : "";
  const typed = at instanceof HTMLInputElement ? [at.value, at.selectionStart, at.selectionEnd] : null;
  const left = document.getElementById("scroll")?.scrollLeft ?? 0;
  old.replaceWith(document.adoptNode(fresh));
  const scroll = document.getElementById("scroll");
  if (scroll) scroll.scrollLeft = left;
  const again = id && document.getElementById(id);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (typed) {
    again.value = typed[0];
    again.setSelectionRange(typed[1], typed[2]);
  }
}

function address(form) {
  const said = [...new FormData(form)].filter(([, value]) => value !== "");
  return `${location.pathname}?${new URLSearchParams(said)}`;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-live]");
  const plain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
  if (!link || !plain) return;
  event.preventDefault();
  show(link.href, "pushState");
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => show(address(form), "replaceState"), SOON);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-live]")) return;
  event.preventDefault();
  clearTimeout(waiting);
  show(address(event.target), "replaceState");
});

// A page that waits for an answer asks again by itself.
function again() {
  const seconds = Number(document.getElementById("main").dataset.again);
  if (seconds) setTimeout(() => show(location.href, null), seconds * 1000);
}
again();

addEventListener("popstate", () => show(location.href, null));

document.addEventListener("keydown", (event) => {
  const free = !event.target.closest("input, textarea, select");
  if (event.key !== "/" || !free || event.metaKey || event.ctrlKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("find").focus();
});
