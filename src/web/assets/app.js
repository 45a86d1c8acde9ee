// What pages add when scripts run: times in the reader's zone, passkeys, a revealed value that hides itself, files into
// text areas, imports as they go on, and what is sent once.
"use strict";

const zoned = new Intl.DateTimeFormat(document.documentElement.lang, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});

function settle(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.title = time.dateTime;
      time.textContent = zoned.format(at);
    }
  }
  for (const shown of root.querySelectorAll("[data-hides]")) {
    setTimeout(() => {
      const word = document.createElement("p");
      word.textContent = shown.dataset.hidden;
      shown.replaceChildren(word);
    }, Number(shown.dataset.hides) * 1000);
  }
}

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function ask(path, body, csrf) {
  const headers = { "content-type": "application/json", ...(csrf && { "x-csrf-token": csrf }) };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

function written(credential) {
  const from = credential.response;
  const response = { clientDataJSON: text(from.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (from[part]) response[part] = text(from[part]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, extensions: credential.getClientExtensionResults() };
}

// A passkey beside the password: the challenge is for a right password only.
async function proved(form, button) {
  const login = button.dataset.passkey || form.elements.login.value;
  const { challenge, options } = await ask("/api/v1/session/passkey", { login, password: form.elements.password.value });
  const wanted = options.publicKey ?? options;
  wanted.challenge = bytes(wanted.challenge);
  for (const key of wanted.allowCredentials ?? []) key.id = bytes(key.id);
  const credential = await navigator.credentials.get({ publicKey: wanted });
  form.elements.passkey.value = JSON.stringify({ challenge, credential: written(credential) });
  form.requestSubmit();
}

async function added(form) {
  const csrf = form.dataset.csrf;
  const { challenge, options } = await ask("/api/v1/second-factors/passkeys/begin", {}, csrf);
  const wanted = options.publicKey ?? options;
  wanted.challenge = bytes(wanted.challenge);
  wanted.user.id = bytes(wanted.user.id);
  for (const key of wanted.excludeCredentials ?? []) key.id = bytes(key.id);
  const credential = written(await navigator.credentials.create({ publicKey: wanted }));
  const said = await ask("/api/v1/second-factors/passkeys", { challenge, name: form.elements.name.value, credential }, csrf);
  if (!said.recovery_codes?.length) return location.reload();
  const list = document.createElement("ul");
  list.className = "codes";
  for (const code of said.recovery_codes) list.append(Object.assign(document.createElement("li"), { textContent: code }));
  form.replaceChildren(list);
}

function begin(root) {
  settle(root);
  // What is only to be chosen for a button is no change of the form, and is not sent to be counted.
  for (const choice of root.querySelectorAll("[data-for-button]")) {
    choice.addEventListener("change", (event) => event.stopPropagation());
  }
  for (const button of root.querySelectorAll("[data-passkey]")) {
    button.hidden = !window.PublicKeyCredential;
    button.addEventListener("click", () => proved(button.form, button).catch((cause) => alert(cause.message)));
  }
  for (const form of root.querySelectorAll("[data-add-passkey]")) {
    form.hidden = !window.PublicKeyCredential;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      added(form).catch((cause) => { form.querySelector("[role=alert]").textContent = cause.message; });
    });
  }
  // Who sends a form waits for its page: what is kept by itself as one types is not sent beside that.
  for (const form of root.querySelectorAll("form[hx-post]")) {
    form.addEventListener("submit", () => { form.dataset.sent = ""; });
    form.addEventListener("htmx:before:request", (event) => { if ("sent" in form.dataset) event.preventDefault(); });
  }
  // What takes a while is not sent twice.
  for (const form of root.querySelectorAll("form[data-busy]")) {
    form.addEventListener("submit", () => {
      for (const button of form.querySelectorAll("button")) {
        button.setAttribute("aria-busy", "true");
        setTimeout(() => { button.disabled = true; });
      }
    });
  }
}

// A file is read here and lands in the text area, where it is looked at before it is sent.
function fills(root) {
  for (const taken of root.querySelectorAll("input[type=file][data-fills]")) {
    taken.closest("[data-fills-label]").hidden = false;
    taken.addEventListener("change", async () => {
      const [file] = taken.files;
      if (file) document.getElementById(taken.dataset.fills).value = await file.text();
    });
  }
}

// How an import stands, as the server tells it.
function keepUp(shown, now) {
  const key = now.state.replace(/_./g, (two) => two[1].toUpperCase());
  for (const said of shown.querySelectorAll("[data-said]")) said.textContent = said.dataset[key];
  for (const count of shown.querySelectorAll("[data-count]")) count.textContent = now[count.dataset.count];
}

function follow(shown, no, ended) {
  const events = new EventSource(`/api/v1/imports/${no}/events`);
  const told = (event) => keepUp(shown, JSON.parse(event.data));
  events.addEventListener("progress", told);
  events.addEventListener("ended", (event) => {
    events.close();
    told(event);
    ended();
  });
}

// The file is on its way, and its answer comes when all of it was read: until then the import is found among the newest.
async function found(live) {
  for (let tries = 0; tries < 3600; tries += 1) {
    const answer = await fetch("/api/v1/imports?limit=1");
    const [newest] = answer.ok ? (await answer.json()).items : [];
    if (newest && newest.no > Number(live.dataset.imports)) return newest;
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
  return null;
}

function imports(root) {
  for (const shown of root.querySelectorAll("[data-import]")) follow(shown, shown.dataset.import, () => location.reload());
  for (const form of root.querySelectorAll("form[data-follows]")) {
    form.addEventListener("submit", async () => {
      const live = document.getElementById(form.dataset.follows);
      const now = await found(live);
      if (!now) return;
      keepUp(live, now);
      live.hidden = false;
      const cancel = live.querySelector("[data-cancels]");
      cancel.addEventListener("click", () => {
        cancel.disabled = true;
        ask(`/api/v1/imports/${now.no}/cancel`, {}, live.dataset.csrf).catch((cause) => alert(cause.message));
      });
      follow(live, now.no, () => { cancel.disabled = true; });
    });
  }
}

begin(document);
fills(document);
imports(document);
// A page out of the browser's memory would show what was revealed once more.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
