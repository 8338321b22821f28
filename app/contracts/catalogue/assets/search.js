// Every word typed must be somewhere in what is said of an event type; its name counts most.
const box = document.getElementById("search");
const found = document.getElementById("found");
const root = document.body.dataset.root;

function rank(one, words) {
  return words.every((word) => one.event.includes(word)) ? 0 : 1;
}

function search() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = words.length
    ? WORDS.filter((one) => words.every((word) => one.words.includes(word)))
    : [];
  hits.sort((a, b) => rank(a, words) - rank(b, words));
  found.replaceChildren(...hits.map(entry));
  if (words.length && !hits.length) found.append("Nothing is called that.");
  found.hidden = !words.length;
}

function entry(one) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `${root}events/${one.event}.html`;
  link.textContent = one.event;
  item.append(link, ` (${one.app}) ${one.summary}`);
  return item;
}

box.addEventListener("input", search);
box.addEventListener("keydown", (press) => {
  if (press.key === "Enter") found.querySelector("a")?.click();
});
document.addEventListener("keydown", (press) => {
  if (press.key === "/" && document.activeElement !== box) {
    press.preventDefault();
    box.focus();
  }
});
