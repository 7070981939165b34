// Replaces the changing part of the control page whenever the server says that something happened.
const live = document.getElementById("live");
const state = document.getElementById("live-state");
const button = document.createElement("button");
const status = document.createElement("span");
let isPaused = false;
let isLoading = false;
let isStale = false;

function show(text) {
  status.textContent = text;
  button.textContent = isPaused ? "Resume" : "Pause";
}

async function load() {
  if (isPaused || isLoading) {
    isStale = true;
    return;
  }
  isLoading = true;
  isStale = false;
  try {
    const response = await fetch("/_control/live", { headers: { accept: "text/html" } });
    if (response.ok) {
      const text = await response.text();
      if (!isPaused) replace(new DOMParser().parseFromString(text, "text/html").body);
    }
  } catch {
    show("Disconnected; reload the page once the server runs again. ");
  }
  isLoading = false;
  if (isStale && !isPaused) load();
}

function replace(body) {
  const open = [...live.querySelectorAll("details[open]")].map((details) => details.id);
  const focused = live.contains(document.activeElement) ? document.activeElement : null;
  const id = focused?.id || focused?.parentElement.id; // a summary has the id of its request
  live.replaceChildren(...body.childNodes);
  for (const request of open) document.getElementById(request)?.setAttribute("open", "");
  const again = id ? document.getElementById(id) : null;
  (again?.querySelector("summary") ?? again)?.focus({ preventScroll: true });
}

button.type = "button";
button.className = "plain";
button.addEventListener("click", () => {
  isPaused = !isPaused;
  show(isPaused ? "Paused. " : "Live. ");
  if (!isPaused && isStale) load();
});
status.setAttribute("role", "status");
state.replaceChildren(status, button);
show("Live. ");

const events = new EventSource("/_control/events");
events.addEventListener("open", () => { show(isPaused ? "Paused. " : "Live. "); load(); });
events.addEventListener("change", load);
events.addEventListener("error", () => show("Disconnected. "));
